/** Looks now and then whether the machine has lost what the construction needs, and tells it once. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { PvmcError } from '../system/error.ts';

export interface LookOut {
  /** The loss, when there is one. A look that fails says nothing. */
  readonly look: () => PvmcError | undefined;
  readonly onLost: (loss: PvmcError) => void;
  readonly intervalMilliseconds?: number;
}

/** Starts looking out. Returns how to end it. */
export function lookOut({ look, onLost, intervalMilliseconds = 2000 }: LookOut): () => void {
  const ended = new AbortController();
  const { signal } = ended;
  const goOn = async () => {
    while (!signal.aborted) {
      const loss = look();
      if (loss) return onLost(loss);
      await sleep(intervalMilliseconds, undefined, { signal, ref: false }).catch(() => {});
    }
  };
  void goOn();
  return () => ended.abort();
}
