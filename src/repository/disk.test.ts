import { expect, test } from 'vitest';
import { diskProblems, requiredDiskBytes } from './disk.ts';

const GIB = 2 ** 30;

test('the disk holds the partitions, and in each half the system with some room beside the downloads', () => {
  const nothing = { installedBytes: 0, filesBytes: 0, downloadBytes: 0 };
  const partitions = requiredDiskBytes(nothing);
  const system = requiredDiskBytes({ ...nothing, installedBytes: GIB, filesBytes: GIB });
  expect(system - partitions).toBeGreaterThan(4 * GIB);
  expect(requiredDiskBytes({ ...nothing, downloadBytes: GIB }) - partitions).toBe(2 * GIB);
});

test('exactly as large as required is large enough', () => {
  const needs = { installedBytes: 3 * GIB, filesBytes: 0, downloadBytes: GIB };
  expect(diskProblems(requiredDiskBytes(needs), needs)).toEqual([]);
  expect(diskProblems(requiredDiskBytes(needs) - 1, needs)).toHaveLength(1);
});
