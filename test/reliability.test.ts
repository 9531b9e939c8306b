/** The page of faults: each fault of the tests has its row there, and no row is of another. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { FAULT_GROUPS } from './machine/faults/groups.ts';
import { ROOT } from './support/repository-files.ts';

const page = readFileSync(join(ROOT, 'docs/reliability.md'), 'utf8');
const faults = FAULT_GROUPS.flatMap(({ runs }) => runs.flatMap((run) => run.faults));

test('every fault has its row, and no row is of another', () => {
  const [table = ''] = /<!-- table -->.*<!-- \/table -->/s.exec(page) ?? [];
  const rows = [...table.matchAll(/^\| ([^|]+) \| (?!when)/gm)].map(([, fault]) => fault);
  expect(rows.filter((fault) => !/^-+$/.test(fault ?? ''))).toEqual(
    faults.map(({ fault }) => fault),
  );
});

test('no two faults have the same name', () => {
  const names = faults.map(({ fault }) => fault);
  expect(names).toEqual([...new Set(names)]);
});

test('five failures are shown as they stand on the terminal', () => {
  expect(page.match(/^```text$/gm)).toHaveLength(5);
});
