/** A terminal for tests: a stream that keeps what was written, and what a screen would then show. */
import { PassThrough } from 'node:stream';
import { makeStyle, type Style } from '../style.ts';
import type { OutputStream, Surroundings } from '../surroundings.ts';

export class FakeTerminal extends PassThrough implements OutputStream {
  readonly isTTY: boolean;
  columns: number;
  rows: number;
  written = '';

  constructor(options: { isTTY?: boolean; columns?: number; rows?: number } = {}) {
    super();
    this.isTTY = options.isTTY ?? true;
    this.columns = options.columns ?? 80;
    this.rows = options.rows ?? 24;
    this.on('data', (bytes: Buffer) => {
      this.written += bytes.toString();
    });
  }

  /** The lines that a terminal shows after everything written, without trailing blanks. */
  screen(): string[] {
    return showOn(this.written, this.columns);
  }
}

/** A clock that goes when it is told. */
export class Clock {
  seconds = 0;
  readonly now = () => this.seconds;
}

export function surroundingsOf(
  stdout: FakeTerminal,
  more: Partial<Surroundings> = {},
): Surroundings {
  return {
    stdin: new FakeTerminal({ isTTY: false }),
    stdout,
    stderr: new FakeTerminal({ isTTY: false }),
    env: { LANG: 'C.UTF-8', TERM: 'xterm' },
    workingFolder: process.cwd(),
    now: new Clock().now,
    ...more,
  };
}

export const UNICODE_STYLE: Style = makeStyle({ colour: false, unicode: true });
export const ASCII_STYLE: Style = makeStyle({ colour: false, unicode: false });

/** Emulates what the views use: newline, return, cursor up, erase right and below. Colours are dropped. */
function showOn(written: string, columns: number): string[] {
  const rows: string[][] = [];
  let row = 0;
  let column = 0;
  // oxlint-disable-next-line no-control-regex -- they are what is looked for
  for (const token of written.match(/\u001b\[[?0-9;]*[A-Za-z]|[^\u001b]/gu) ?? []) {
    // oxlint-disable-next-line no-control-regex -- as above
    const up = /^\u001b\[(\d+)A$/.exec(token);
    if (up) row = Math.max(0, row - Number(up[1]));
    else if (token === '\n') [row, column] = [row + 1, 0];
    else if (token === '\r') column = 0;
    else if (token === '\u001b[K') rows[row]?.splice(column);
    else if (token === '\u001b[J') rows.splice(row);
    else if (!token.startsWith('\u001b')) {
      if (column === columns) [row, column] = [row + 1, 0];
      const line = (rows[row] ??= []);
      line[column] = token;
      column += 1;
    }
  }
  return Array.from(rows, (line) =>
    Array.from(line ?? [], (cell) => cell ?? ' ')
      .join('')
      .trimEnd(),
  );
}
