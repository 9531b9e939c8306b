/** What .ci/run says at its end, from the results that its runs leave behind. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { TestSummary } from '../scripts/test-summary.ts';
import { ROOT } from './support/repository-files.ts';

let folder = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pvmc-sum-'));
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

test('adds up what passed, and succeeds', () => {
  leave('unit', { passed: 3, failed: [], skipped: [] });
  leave('machine', { passed: 2, failed: [], skipped: [] });
  expect(sum('unit=0', 'machine=0')).toEqual({ status: 0, lines: ['5 passed, 0 failed'] });
});

test('shows why a test was skipped', () => {
  leave('unit', { passed: 1, failed: [], skipped: [{ name: 'a.test.ts > b', reason: 'no KVM' }] });
  expect(sum('unit=0')).toEqual({
    status: 0,
    lines: ['skipped: a.test.ts > b: no KVM', '1 passed, 0 failed, 1 skipped'],
  });
});

test('names what failed, and fails', () => {
  leave('unit', { passed: 1, failed: ['a.test.ts > b'], skipped: [] });
  expect(sum('unit=1')).toEqual({
    status: 1,
    lines: ['failed: a.test.ts > b', '1 passed, 1 failed'],
  });
});

test('a run that left no result is a failure, whatever its exit status', () => {
  leave('unit', { passed: 1, failed: [], skipped: [] });
  expect(sum('unit=0', 'machine=0')).toEqual({
    status: 1,
    lines: ['failed: machine: ended without a result, with exit status 0', '1 passed, 1 failed'],
  });
});

test('a run that failed though none of its tests did is a failure', () => {
  leave('unit', { passed: 1, failed: [], skipped: [] });
  expect(sum('unit=7')).toEqual({
    status: 1,
    lines: ['failed: unit: exit status 7 although no test failed', '1 passed, 1 failed'],
  });
});

test('nothing but skipped tests is no success', () => {
  leave('unit', { passed: 0, failed: [], skipped: [{ name: 'a', reason: 'b' }] });
  expect(sum('unit=0').status).toBe(1);
});

function leave(run: string, summary: TestSummary): void {
  writeFileSync(join(folder, `${run}.json`), JSON.stringify(summary));
}

function sum(...runs: readonly string[]): { status: number | null; lines: readonly string[] } {
  const { status, stdout } = spawnSync(
    process.execPath,
    ['scripts/sum-tests.mjs', folder, ...runs],
    { cwd: ROOT, encoding: 'utf8' },
  );
  return { status, lines: stdout.trim().split('\n') };
}
