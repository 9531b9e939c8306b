/**
 * The one error that users see. Each has a stable code, documented in docs/errors.md, and a kind that
 * the command line maps once to an exit status.
 */

export type ErrorKind =
  /** The command line is wrong. */
  | 'usage'
  /** The manifest, or a file that it names, is wrong. */
  | 'manifest'
  /** This computer lacks something: a program, space, a permission. */
  | 'host'
  /** The package repository did not give what it should. */
  | 'repository'
  /** The hypervisor or the machine failed. */
  | 'machine'
  /** The guest's constructor reported a failure. */
  | 'construct'
  /** The exported appliance did not pass. */
  | 'verify'
  /** A file that the user gave is broken or foreign. */
  | 'input'
  /** The user interrupted the run. */
  | 'interrupted'
  /** A defect of pvmc itself. */
  | 'internal';

export interface ErrorDetails {
  readonly kind: ErrorKind;
  /** Stable, lower-case with dashes, e.g. `disk-too-small`. */
  readonly code: string;
  /** What went wrong, with which object. One sentence, no final stop. */
  readonly message: string;
  /** What to do about it; may have several lines. */
  readonly hint?: string | undefined;
  /** Further lines to show below the message: a program's output, a list. */
  readonly details?: readonly string[] | undefined;
  readonly cause?: unknown;
}

export class PvmcError extends Error {
  override readonly name = 'PvmcError';
  readonly kind: ErrorKind;
  readonly code: string;
  readonly hint: string | undefined;
  readonly details: readonly string[];

  constructor({ kind, code, message, hint, details, cause }: ErrorDetails) {
    super(message, cause === undefined ? undefined : { cause });
    this.kind = kind;
    this.code = code;
    this.hint = hint;
    this.details = details ?? [];
  }
}

/** The message of anything that was thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** The error code that Node's system calls attach (`ENOENT`, `ENOSPC`, …), if it is one of those. */
export function systemCodeOf(thrown: unknown): string | undefined {
  return thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'string'
    ? thrown.code
    : undefined;
}
