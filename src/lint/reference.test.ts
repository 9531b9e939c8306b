import { readFile, writeFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { referenceText } from './reference.ts';
import { allRules } from './rules.ts';

const PAGE = new URL('../../docs/lint.md', import.meta.url);

it('docs/lint.md is up to date (UPDATE=1 writes it)', async () => {
  if (process.env['UPDATE'] === '1') await writeFile(PAGE, referenceText());
  expect(await readFile(PAGE, 'utf8')).toBe(referenceText());
});

it('numbers are in order, each of them one rule’s', () => {
  const numbers = allRules().map(({ number }) => number);
  expect(numbers).toEqual([...new Set(numbers)].sort());
});

it('every rule says all that there is to say', () => {
  for (const { name, title, reason, breaks, cure, sources } of allRules()) {
    expect(name).toMatch(/^[a-z0-9-]+$/);
    expect(title).toMatch(/^\w.*[^.]$/);
    for (const text of [reason, breaks, cure]) expect(text.length).toBeGreaterThan(5);
    expect(sources.length).toBeGreaterThan(0);
  }
});
