import { assert, integer, property } from 'fast-check';
import { expect, test } from 'vitest';
import { firstHalfBytes, scratchBytes } from './scratch.ts';

const MIB = 2 ** 20;
const GIB = 2 ** 30;

test('the halves of a partition', () => {
  expect(firstHalfBytes(10 * MIB)).toBe(5 * MIB);
  expect(scratchBytes(10 * MIB)).toBe(5 * MIB);
  expect(firstHalfBytes(11 * MIB + 512)).toBe(5 * MIB);
  expect(scratchBytes(11 * MIB + 512)).toBe(6 * MIB + 512);
});

test('of a large partition only 64 GiB are scratch, the rest is left alone', () => {
  expect(firstHalfBytes(2048 * GIB)).toBe(1024 * GIB);
  expect(scratchBytes(2048 * GIB)).toBe(64 * GIB);
});

test('the halves are aligned, do not overlap and do not leave the partition', () => {
  const sectors = integer({ min: 4096, max: 8 * 2 ** 31 });
  assert(
    property(sectors, (count) => {
      const bytes = count * 512;
      const first = firstHalfBytes(bytes);
      expect(first % MIB).toBe(0);
      expect(first).toBeGreaterThan(bytes / 2 - MIB);
      expect(first).toBeLessThanOrEqual(bytes / 2);
      expect(first + scratchBytes(bytes)).toBeLessThanOrEqual(bytes);
    }),
  );
});
