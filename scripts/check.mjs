// `npm run check`: everything that can be said about the code without booting a machine. Runs all
// parts, two at a time, and names those that failed at the end.
//
// usage: node scripts/check.mjs [--without PART]…
import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';

/**
 * @typedef {object} Part
 * @property {string} name
 * @property {string} what
 * @property {string} command program of node_modules and its arguments, without quotes
 *
 * @typedef {object} Outcome
 * @property {Part} part
 * @property {boolean} passed
 * @property {number} seconds
 * @property {string} output
 */

const { scripts } = JSON.parse(readFileSync('package.json', 'utf8'));

/**
 * The slowest first, so that the quick ones run beside it. Import boundaries and the freshness of
 * derived files are tests (test/), so that `npm test` enforces them too.
 * @type {readonly Part[]}
 */
const PARTS = [
  {
    name: 'tests',
    what: 'unit tests, import boundaries, derived files',
    command: 'vitest run --project unit',
  },
  { name: 'types', what: 'the TypeScript compiler', command: scripts.types },
  { name: 'lint', what: 'oxlint with types', command: scripts.lint },
  { name: 'format', what: 'biome', command: scripts.format },
  { name: 'unused', what: 'files, exports, dependencies: knip', command: scripts.unused },
];

const { values } = parseArgs({ options: { without: { type: 'string', multiple: true } } });
const without = values.without ?? [];
const unknown = without.filter((name) => !PARTS.some((part) => part.name === name));
if (unknown.length > 0) {
  console.error(`no such part: ${unknown.join(', ')}`);
  process.exit(2);
}

report(await runAll(PARTS.filter((part) => !without.includes(part.name))));

/**
 * @param {readonly Part[]} parts
 * @returns {Promise<readonly Outcome[]>}
 */
async function runAll(parts) {
  const waiting = [...parts];
  /** @type {Outcome[]} */
  const done = [];
  const worker = async () => {
    for (let part = waiting.shift(); part; part = waiting.shift()) {
      const outcome = await runPart(part);
      show(outcome);
      done.push(outcome);
    }
  };
  await Promise.all([worker(), worker()]);
  return done;
}

/**
 * @param {Part} part
 * @returns {Promise<Outcome>}
 */
function runPart(part) {
  const began = Date.now();
  const [program = '', ...args] = part.command.split(' ');
  // The summary is for this run as a whole, not for the tests inside of it.
  const { PVMC_TEST_SUMMARY: _, ...environment } = process.env;
  return new Promise((resolve) => {
    const child = spawn(`node_modules/.bin/${program}`, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: environment,
    });
    let output = '';
    const collect = (/** @type {Buffer} */ bytes) => {
      output += bytes.toString();
    };
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    /** @param {boolean} passed */
    const finish = (passed) =>
      resolve({ part, passed, seconds: (Date.now() - began) / 1000, output });
    child.on('error', (thrown) => {
      output += thrown.message;
      finish(false);
    });
    child.on('close', (status) => finish(status === 0));
  });
}

/** @param {Outcome} outcome */
function show({ part, passed, seconds, output }) {
  console.log(
    `${passed ? 'ok    ' : 'FAILED'} ${part.name} (${part.what}), ${seconds.toFixed(1)} s`,
  );
  if (!passed) console.log(output.trimEnd().replaceAll(/^/gm, '    '));
}

/** @param {readonly Outcome[]} outcomes */
function report(outcomes) {
  const failed = outcomes.filter((outcome) => !outcome.passed).map(({ part }) => part.name);
  const summaryPath = process.env['PVMC_TEST_SUMMARY'];
  if (summaryPath !== undefined) {
    const summary = {
      passed: outcomes.length - failed.length,
      failed: failed.map((name) => `check: ${name}`),
      skipped: [],
    };
    writeFileSync(summaryPath, JSON.stringify(summary));
  }
  console.log(failed.length === 0 ? 'check: all is well' : `check: failed: ${failed.join(', ')}`);
  process.exitCode = failed.length === 0 ? 0 : 1;
}
