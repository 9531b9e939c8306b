/**
 * What the repository says is wrong with a manifest. A problem names the place by its path in the
 * manifest's data; whoever holds the text turns that into line and column.
 */

export interface RepositoryProblem {
  /** E.g. `['packages', 3]`. */
  readonly path: readonly (string | number)[];
  readonly message: string;
  /** What to do about it. */
  readonly hint?: string | undefined;
}
