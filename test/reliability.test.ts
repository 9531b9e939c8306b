/** The page of faults: each fault of the tests has its row there, and no row is of another. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { FAULT_GROUPS } from './machine/faults/groups.ts';
import { ROOT } from './support/repository-files.ts';

const page = readFileSync(join(ROOT, 'docs/reliability.md'), 'utf8');
const faults = FAULT_GROUPS.flatMap(({ runs }) => runs.flatMap((run) => run.faults));

test('every fault has its row, or is named among those that no run has shown yet', () => {
  const [table = ''] = /<!-- table -->.*<!-- \/table -->/s.exec(page) ?? [];
  const [list = ''] = /<!-- unseen -->.*<!-- \/unseen -->/s.exec(page) ?? [];
  const rows = [...table.matchAll(/^\| ([^|]+) \| (?!when)/gm)].map(([, fault]) => fault);
  const unseen = [...list.matchAll(/^- (.+)$/gm)].map(([, fault]) => fault);
  const named = new Set([...rows, ...unseen]);
  expect(named.size).toBe(rows.length + unseen.length);
  expect(faults.map(({ fault }) => fault).filter((fault) => !named.has(fault))).toEqual([]);
  expect(named.size).toBe(faults.length);
});

test('no two faults have the same name', () => {
  const names = faults.map(({ fault }) => fault);
  expect(names).toEqual([...new Set(names)]);
});

test('failures are shown as they stand on the terminal', () => {
  expect(page).toMatch(/^```text$/m);
});
