import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { printable, quote } from './quote.ts';
import { editDistance, suggest } from './suggest.ts';

describe('the distance between two words', () => {
  test.each([
    ['', '', 0],
    ['nginx', 'nginx', 0],
    ['ngnix', 'nginx', 1],
    ['ngin', 'nginx', 1],
    ['nginxx', 'nginx', 1],
    ['nginy', 'nginx', 1],
    ['kitten', 'sitting', 3],
    ['', 'abc', 3],
  ])('%j and %j: %i', (left, right, distance) => {
    expect(editDistance(left, right)).toBe(distance);
  });

  test('is the same both ways, nothing only for the same word, at most the longer length', () => {
    const word = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 8 });
    fc.assert(
      fc.property(word, word, (left, right) => {
        const distance = editDistance(left, right);
        expect(editDistance(right, left)).toBe(distance);
        expect(distance === 0).toBe(left === right);
        expect(distance).toBeLessThanOrEqual(Math.max(left.length, right.length));
      }),
    );
  });
});

describe('did you mean', () => {
  const keys = ['name', 'version', 'packages', 'machine'];

  test.each([
    ['nmae', 'name'],
    ['Packages', 'packages'],
    ['package', 'packages'],
    ['machines', 'machine'],
    ['colour', undefined],
    ['', undefined],
    ['n'.repeat(1000), undefined],
  ])('%j: %j', (word, meant) => {
    expect(suggest(word, keys)).toBe(meant);
  });
});

describe('foreign text in messages', () => {
  test('is quoted, cut, and cannot command a terminal', () => {
    expect(quote('a "b" \\')).toBe('"a \\"b\\" \\\\"');
    expect(quote('x'.repeat(100))).toBe(`"${'x'.repeat(60)}…"`);
    expect(quote('\u001b[2J\u202e\u009b\n')).toBe('"\\u001b[2J\\u202e\\u009b\\n"');
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(quote(text)).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}]/u);
        expect(printable(text)).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}]/u);
      }),
    );
  });

  test("keeps a URL's user to itself", () => {
    expect(quote('see https://joe:secret@example.org/')).toBe('"see https://…@example.org/"');
  });
});
