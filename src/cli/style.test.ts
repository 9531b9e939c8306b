import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bar, makeStyle } from './style.ts';
import { ASCII_STYLE, UNICODE_STYLE } from './testing/terminal.ts';
import { widthOf } from './text.ts';

describe('bar', () => {
  it('draws parts of a cell', () => expect(bar(0.45, 10, UNICODE_STYLE.marks)).toBe('████▌░░░░░'));
  it('draws whole cells in ASCII', () =>
    expect(bar(0.45, 10, ASCII_STYLE.marks)).toBe('####------'));
  it('is as wide as it should be, and full only at the end', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true }), fc.integer({ min: 1, max: 60 }), (part, width) => {
        for (const { marks } of [UNICODE_STYLE, ASCII_STYLE]) {
          const drawn = bar(part, width, marks);
          expect(widthOf(drawn)).toBe(width);
          expect(drawn === marks.bar.full.repeat(width)).toBe(part >= 1);
        }
      }),
    );
  });
});

describe('makeStyle', () => {
  it('colours only when the terminal can', () => {
    expect(makeStyle({ colour: true, unicode: true }).bad('x')).toBe('\u001b[31mx\u001b[0m');
    expect(makeStyle({ colour: false, unicode: true }).bad('x')).toBe('x');
  });
});
