/** The one place where a kind of error becomes an exit status. docs/errors.md has the same table. */
import type { ErrorKind } from '../system/error.ts';

export const EXIT_SUCCESS = 0;

/** `pvmc diff` has found differences, as diff and cmp say it. */
export const EXIT_DIFFERENT = 1;

/** As a shell reports a program that SIGPIPE ended: 128 + 13. */
export const EXIT_BROKEN_PIPE = 141;

/** Every kind has one, or this does not type-check. */
export const EXIT_STATUSES: Readonly<Record<ErrorKind, number>> = {
  usage: 2,
  manifest: 3,
  host: 4,
  repository: 5,
  machine: 6,
  construct: 7,
  verify: 8,
  input: 9,
  // EX_SOFTWARE of sysexits.h.
  internal: 70,
  // 128 + SIGINT, as shells report it.
  interrupted: 130,
};

export function exitStatusOf(kind: ErrorKind): number {
  return EXIT_STATUSES[kind];
}
