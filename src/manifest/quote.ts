/**
 * Foreign text on a terminal: control characters, among them the bytes that move a cursor or turn
 * the direction of writing, are shown rather than obeyed, and long texts are cut.
 */

/** Control and format characters (escape sequences, bidirectional overrides), lone surrogates. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu;

const LONGEST_QUOTE = 60;

/** The text in double quotes, fit for a message. */
export function quote(text: string): string {
  const shown = withoutCredentials(text);
  const cut = shown.length > LONGEST_QUOTE ? `${shown.slice(0, LONGEST_QUOTE)}…` : shown;
  const escaped = cut.replaceAll(/["\\]/g, '\\$&').replaceAll(UNPRINTABLE, escapeCharacter);
  return `"${escaped}"`;
}

function escapeCharacter(character: string): string {
  if (character === '\n') return '\\n';
  if (character === '\t') return '\\t';
  if (character === '\r') return '\\r';
  return `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`;
}

/** One printable column for each unprintable character, so that a caret below still fits. */
export function printable(text: string): string {
  return text.replaceAll('\t', ' ').replaceAll(UNPRINTABLE, '\u00b7');
}

/** A URL's user and password never reach a message or a log. */
export function withoutCredentials(text: string): string {
  return text.replaceAll(/(?<=:\/\/)[^\s/@"']+@/g, '…@');
}
