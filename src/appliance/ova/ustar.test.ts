import { expect, it } from 'vitest';
import { codeOf } from '../testing/fixtures.ts';
import { decodeMember, encodeMember } from './ustar.ts';

const GIB = 2 ** 30;

it.each([
  ['an empty file', { name: 'a', sizeBytes: 0 }],
  ['the longest name', { name: 'n'.repeat(100), sizeBytes: 1 }],
  ['a name of 100 bytes that are fewer characters', { name: 'ü'.repeat(50), sizeBytes: 1 }],
  ['the largest file', { name: 'a', sizeBytes: 8 * GIB - 1 }],
])('a header tells %s', (_, member) => {
  expect(decodeMember(encodeMember(member, 1_760_000_000))).toMatchObject({ type: 'file', member });
});

it.each([
  ['a file of 8 GiB', { name: 'a', sizeBytes: 8 * GIB }, 'export-too-large'],
  ['a name of 101 bytes', { name: 'n'.repeat(101), sizeBytes: 1 }, 'export-name-too-long'],
])('there is none for %s', async (_, member, code) => {
  expect(await codeOf((async () => encodeMember(member, 0))())).toBe(code);
});

it('has no time before 1970', () => {
  const before = encodeMember({ name: 'a', sizeBytes: 0 }, -5);
  expect(before.equals(encodeMember({ name: 'a', sizeBytes: 0 }, 0))).toBe(true);
});
