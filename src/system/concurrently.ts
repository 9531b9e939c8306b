/** Several of a list's items at a time, in order, until one fails. */
import { setMaxListeners } from 'node:events';

export interface Concurrency {
  /** How many at a time. */
  readonly limit: number;
  /** Ends the work with its reason. */
  readonly signal: AbortSignal;
}

/**
 * Works on each item. `work` gets a signal that is aborted when the whole is, and when another item has
 * failed. Nothing goes on any more when this returns or throws: all that was begun is waited for.
 * @throws the signal's reason, or else the first failure
 */
export async function eachConcurrently<Item>(
  items: readonly Item[],
  { limit, signal }: Concurrency,
  work: (item: Item, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const failed = new AbortController();
  const either = AbortSignal.any([signal, failed.signal]);
  // Whoever works listens, for each of the items.
  setMaxListeners(0, either);
  const queue = [...items];
  const worker = async () => {
    while (!either.aborted) {
      const [item] = queue.splice(0, 1);
      if (item === undefined) return;
      await work(item, either);
    }
  };
  await Promise.all(
    Array.from({ length: limit }, () => worker().catch((thrown: unknown) => failed.abort(thrown))),
  );
  signal.throwIfAborted();
  failed.signal.throwIfAborted();
}
