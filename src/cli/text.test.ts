import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { printable, truncate, widthOf, wrap } from './text.ts';

describe('widthOf', () => {
  it.each([
    ['hello', 5],
    ['größe', 5],
    ['gro\u0308ße', 5],
    ['日本語', 6],
    ['한국', 4],
    ['👩‍👩‍👧 x', 4],
    ['', 0],
  ])('%s takes %d columns', (text, columns) => {
    expect(widthOf(text)).toBe(columns);
  });
});

describe('truncate', () => {
  it('keeps what fits', () => expect(truncate('hello', 5)).toBe('hello'));
  it('cuts and says so', () => expect(truncate('hello world', 6)).toBe('hello…'));
  it('never cuts a wide character in half', () => expect(truncate('日本語', 4)).toBe('日…'));
  it('is never wider than it may be', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.nat(40), (text, width) => {
        expect(widthOf(truncate(text, width))).toBeLessThanOrEqual(width);
      }),
    );
  });
});

describe('printable', () => {
  it('takes colours, window titles and cursor movements out', () => {
    expect(
      printable('\u001b[1;31mred\u001b[0m \u001b]0;title\u0007x\u001b[2J\u001b[10;1Hy\r\n'),
    ).toBe('red xy');
  });
  it('takes bidirectional overrides out, which show text in another order', () => {
    expect(printable('a\u202eb')).toBe('ab');
  });
  it('leaves no control character, whatever comes', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary-ascii' }), (text) => {
        expect(printable(text)).not.toMatch(/\p{Control}/u);
      }),
    );
  });
});

describe('wrap', () => {
  it('breaks at spaces', () => expect(wrap('one two three', 8)).toEqual(['one two', 'three']));
  it('leaves a long word whole, so that it can be copied', () => {
    expect(wrap('see /a/very/long/path now', 10)).toEqual(['see', '/a/very/long/path', 'now']);
  });
});
