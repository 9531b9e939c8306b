/** How things are marked and coloured, for terminals that can and for those that cannot. */

type Paint = (text: string) => string;

export interface Style {
  readonly marks: Marks;
  readonly bold: Paint;
  readonly dim: Paint;
  readonly good: Paint;
  readonly bad: Paint;
  readonly warning: Paint;
  readonly accent: Paint;
}

export interface Marks {
  readonly pending: string;
  readonly running: string;
  readonly done: string;
  readonly failed: string;
  readonly notice: string;
  readonly ellipsis: string;
  readonly separator: string;
  /** The bar's cells: full, then the fractions of one in rising order, then empty. */
  readonly bar: {
    readonly full: string;
    readonly parts: readonly string[];
    readonly empty: string;
  };
}

const UNICODE: Marks = {
  pending: '·',
  running: '▸',
  done: '✓',
  failed: '✗',
  notice: '!',
  ellipsis: '…',
  separator: '·',
  bar: { full: '█', parts: ['▏', '▎', '▍', '▌', '▋', '▊', '▉'], empty: '░' },
};

const ASCII: Marks = {
  pending: '.',
  running: '>',
  done: '+',
  failed: 'x',
  notice: '!',
  ellipsis: '...',
  separator: '-',
  bar: { full: '#', parts: [], empty: '-' },
};

export function makeStyle(can: { readonly colour: boolean; readonly unicode: boolean }): Style {
  const paint = (code: number) => (text: string) =>
    can.colour && text !== '' ? `\u001b[${code}m${text}\u001b[0m` : text;
  return {
    marks: can.unicode ? UNICODE : ASCII,
    bold: paint(1),
    dim: paint(2),
    good: paint(32),
    bad: paint(31),
    warning: paint(33),
    accent: paint(36),
  };
}

/** A bar of `width` columns for a part from 0 to 1; it is full only when the part is 1. */
export function bar(part: number, width: number, marks: Marks): string {
  const { full, parts, empty } = marks.bar;
  const inside = Math.min(Math.max(part, 0), 1);
  const steps = parts.length + 1;
  const filled = Math.floor(inside * width * steps);
  const whole = Math.floor(filled / steps);
  const fraction = parts[(filled % steps) - 1] ?? '';
  return full.repeat(whole) + fraction + empty.repeat(width - whole - (fraction === '' ? 0 : 1));
}
