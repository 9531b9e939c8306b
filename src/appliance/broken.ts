/** Errors about a file that somebody gave us, which may be hostile: its words are shown harmlessly. */
import { type ErrorDetails, PvmcError } from '../system/error.ts';
import { plainText } from '../system/plain-text.ts';

const LONGEST_QUOTE = 80;

export function broken(details: Omit<ErrorDetails, 'kind'>): PvmcError {
  return new PvmcError({ kind: 'input', ...details });
}

/** A foreign file's words, short, on one line and free of control characters. */
export function quoted(words: string): string {
  const plain = plainText(words).replace(/\s+/g, ' ');
  return plain.length > LONGEST_QUOTE ? `"${plain.slice(0, LONGEST_QUOTE)}…"` : `"${plain}"`;
}
