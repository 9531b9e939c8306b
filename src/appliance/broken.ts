/**
 * Errors about a file that somebody gave us, which may be hostile: its words are shown harmlessly. The
 * readers do not throw what they find wrong, they report it: who wants nothing but a whole file refuses
 * at the first (`refuse`), who wants to know everything listens, and the readers go on as well as they can.
 */
import { type ErrorDetails, PvmcError } from '../system/error.ts';
import { plainText } from '../system/plain-text.ts';
import type { FaultName } from './fault-names.ts';

const LONGEST_QUOTE = 80;

/** Where in a file something is wrong. */
export interface Place {
  /** The file of the package; undefined for the archive itself. */
  readonly member?: string | undefined;
  /** In bytes, from the beginning of the archive. */
  readonly offset?: number | undefined;
  /** Of a text, both from 1. */
  readonly line?: number | undefined;
  readonly column?: number | undefined;
  /** Of a VMDK, from its beginning. */
  readonly sector?: number | undefined;
}

/** One thing that is wrong with a file. */
export class Fault extends PvmcError {
  readonly fault: FaultName;
  readonly place: Place;

  constructor(fault: FaultName, place: Place, details: Omit<ErrorDetails, 'kind'>) {
    super({ kind: 'input', ...details });
    this.fault = fault;
    this.place = place;
  }
}

/** Takes what a reader finds wrong. When it returns, the reader goes on. */
export type Report = (fault: Fault) => void;

export const refuse: Report = (fault) => {
  throw fault;
};

/** Does work that ends at the first fault, and reports that. */
export async function reporting<Result>(
  report: Report,
  work: () => Result | Promise<Result>,
): Promise<Result | undefined> {
  try {
    return await work();
  } catch (thrown) {
    if (!(thrown instanceof Fault)) throw thrown;
    report(thrown);
    return undefined;
  }
}

/** An error about a file that is not about what stands in it. */
export function broken(details: Omit<ErrorDetails, 'kind'>): PvmcError {
  return new PvmcError({ kind: 'input', ...details });
}

/** A foreign file's words, short, on one line and free of control characters. */
export function quoted(words: string): string {
  const plain = plainText(words).replace(/\s+/g, ' ');
  return plain.length > LONGEST_QUOTE ? `"${plain.slice(0, LONGEST_QUOTE)}…"` : `"${plain}"`;
}
