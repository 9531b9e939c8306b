import { expect, test } from 'vitest';
import { formatAmount } from './amounts.ts';

test('an amount says how much of how much, as far as that is known', () => {
  expect(formatAmount({ done: 3, total: 480, unit: 'packages' })).toBe('3 of 480 packages');
  expect(formatAmount({ done: 0, total: 1, unit: 'packages' })).toBe('0 of 1 package');
  expect(formatAmount({ done: 1, unit: 'files' })).toBe('1 file');
  expect(formatAmount({ done: 2 ** 20, total: 2 ** 30, unit: 'bytes' })).toBe('1 MiB of 1 GiB');
});
