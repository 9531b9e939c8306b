// Adds up the test summaries of several runs (scripts/test-summary.ts, scripts/check.mjs), shows what
// was skipped and what failed, and ends with one line: `N passed, N failed[, N skipped]`.
//
// usage: node scripts/sum-tests.mjs FOLDER NAME=EXIT-STATUS…
// A run whose FOLDER/NAME.json is missing, or that failed without a failed test, counts as a failure.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const [folder = '.', ...runs] = process.argv.slice(2);
const summaries = runs.map((run) => {
  const [name = '', status = ''] = run.split('=');
  return summaryOf(name, Number(status));
});

const passed = summaries.reduce((sum, summary) => sum + summary.passed, 0);
const failed = summaries.flatMap((summary) => summary.failed);
const skipped = summaries.flatMap((summary) => summary.skipped);

console.log('');
for (const { name, reason } of skipped) console.log(`skipped: ${name}: ${reason}`);
for (const name of failed) console.log(`failed: ${name}`);
const tail = skipped.length > 0 ? `, ${skipped.length} skipped` : '';
console.log(`${passed} passed, ${failed.length} failed${tail}`);
process.exitCode = failed.length > 0 || passed === 0 ? 1 : 0;

/**
 * @param {string} name
 * @param {number} status
 * @returns {import('./test-summary.ts').TestSummary}
 */
function summaryOf(name, status) {
  const summary = read(join(folder, `${name}.json`));
  if (!summary) {
    const failure = `${name}: ended without a result, with exit status ${status}`;
    return { passed: 0, failed: [failure], skipped: [] };
  }
  if (status === 0 || summary.failed.length > 0) return summary;
  return { ...summary, failed: [`${name}: exit status ${status} although no test failed`] };
}

/**
 * @param {string} path
 * @returns {import('./test-summary.ts').TestSummary | undefined}
 */
function read(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return undefined;
  }
}
