import { describe, expect, it } from 'vitest';
import { abilitiesOf, columnsOf } from './surroundings.ts';
import { FakeTerminal } from './testing/terminal.ts';

const terminal = new FakeTerminal();
const pipe = new FakeTerminal({ isTTY: false });

describe('abilitiesOf', () => {
  it.each([
    ['a terminal', terminal, { TERM: 'xterm', LANG: 'de_DE.UTF-8' }, [true, true, true]],
    ['a pipe', pipe, { TERM: 'xterm', LANG: 'de_DE.UTF-8' }, [false, false, true]],
    ['a dumb terminal', terminal, { TERM: 'dumb', LANG: 'C.utf8' }, [false, false, true]],
    ['NO_COLOR', terminal, { NO_COLOR: '1', LANG: 'C.UTF-8' }, [true, false, true]],
    ['an empty NO_COLOR, which says nothing', terminal, { NO_COLOR: '' }, [true, true, false]],
    ['the C locale', terminal, { LANG: 'C' }, [true, true, false]],
    ['LC_ALL before LANG', terminal, { LC_ALL: 'C', LANG: 'C.UTF-8' }, [true, true, false]],
    [
      'an empty LC_ALL, which says nothing',
      terminal,
      { LC_ALL: '', LANG: 'C.UTF-8' },
      [true, true, true],
    ],
  ])('%s', (...[, stream, env, [live, colour, unicode]]) => {
    expect(abilitiesOf(stream, env)).toEqual({ live, colour, unicode });
  });
});

describe('columnsOf', () => {
  it('takes 80 where nobody knows', () => {
    expect(columnsOf(new FakeTerminal({ columns: 0 }))).toBe(80);
  });
  it('is never absurdly narrow', () =>
    expect(columnsOf(new FakeTerminal({ columns: 3 }))).toBe(20));
});
