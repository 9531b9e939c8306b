/**
 * Text as a terminal shows it: how many columns it takes, cut to what fits, and without anything that
 * would move the cursor. What the guest says is foreign; it must not paint on the user's screen.
 */

const SEGMENTS = new Intl.Segmenter('en', { granularity: 'grapheme' });
const INVISIBLE = /^[\p{Mark}\p{Default_Ignorable_Code_Point}]+$/u;
/** East Asian wide and full-width characters, and emoji, take two columns. */
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}/u;

/** The columns that a text without escape sequences takes. */
export function widthOf(text: string): number {
  let width = 0;
  for (const { segment } of SEGMENTS.segment(text)) width += segmentWidth(segment);
  return width;
}

/** The text, or its beginning and `ellipsis` when it is wider than `width` columns. */
export function truncate(text: string, width: number, ellipsis = '…'): string {
  if (widthOf(text) <= width) return text;
  const room = width - widthOf(ellipsis);
  if (room < 0) return '';
  return `${beginning(text, room)}${ellipsis}`;
}

/** The text with spaces up to `width` columns. */
export function pad(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - widthOf(text)));
}

/** Breaks a text at spaces into lines of at most `width` columns; longer words are left whole. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (line !== '' && widthOf(longer) > width) {
      lines.push(line);
      line = word;
    } else line = longer;
  }
  return [...lines, line];
}

// Control and escape sequences (ECMA-48), then operating system commands such as a window title.
const SEQUENCES =
  // oxlint-disable-next-line no-control-regex -- they are what is looked for
  /\u001b\[[0-?]*[ -/]*[@-~]|\u001b\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|\u001b[ -/]*[0-~]/g;

/** One line of foreign text, without escape sequences and control characters. */
export function printable(text: string): string {
  return text
    .replaceAll(SEQUENCES, '')
    .replaceAll('\t', '  ')
    .replaceAll(/[\p{Control}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu, '');
}

function segmentWidth(segment: string): number {
  if (INVISIBLE.test(segment)) return 0;
  return WIDE.test(segment) ? 2 : 1;
}

function beginning(text: string, width: number): string {
  let room = width;
  let kept = '';
  for (const { segment } of SEGMENTS.segment(text)) {
    room -= segmentWidth(segment);
    if (room < 0) break;
    kept += segment;
  }
  return kept;
}
