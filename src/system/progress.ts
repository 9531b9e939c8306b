/**
 * What every piece of work gets that may take time: whether it should stop, where its words go, and
 * how far it says it is.
 */

export interface Amount {
  readonly done: number;
  /** Undefined while the whole is not known. */
  readonly total?: number | undefined;
  readonly unit: 'bytes' | 'packages' | 'files' | 'steps';
}

export interface Progress {
  /** Aborted when the user or a deadline ends the run. Its `reason` is the error to throw. */
  readonly signal: AbortSignal;
  /** One line for the log. `origin` says who speaks: a program's name, `guest`, `pvmc`. */
  log(line: string, origin?: string): void;
  /** Honest progress of the running step. */
  amount(amount: Amount): void;
  /** Something that the user should read although the run goes on. */
  notice(line: string): void;
}

/** Progress for work that nobody watches. */
export function quietProgress(signal: AbortSignal = new AbortController().signal): Progress {
  return { signal, log: () => {}, amount: () => {}, notice: () => {} };
}
