/**
 * Follows the console of a guest that builds, and notices when it shows that the guest is lost. Text on
 * a console proves little by itself, since a script's output may stand there too: a sign is believed when
 * the guest says nothing on the link after it. Time is counted in looks, so that a computer that was
 * suspended meanwhile has not waited.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { ConsoleReader } from './console-reader.ts';
import { firstSign, type Sign } from './signs.ts';

export interface WatchedConsole {
  readonly reader: ConsoleReader;
  /** How many words the guest has said on the link so far. */
  readonly wordsHeard: () => number;
  /** Ends the watch. */
  readonly signal: AbortSignal;
  /** Between two looks; one second unless told. */
  readonly lookSeconds?: number | undefined;
}

/** Resolves with the sign that the guest is lost; undefined when the watch was ended. */
export async function signOfLoss(watched: WatchedConsole): Promise<Sign | undefined> {
  const { reader, wordsHeard, signal, lookSeconds = 1 } = watched;
  let sign: Sign | undefined;
  let heardBefore = 0;
  let looks = 0;
  while (!signal.aborted) {
    if (sign && wordsHeard() > heardBefore) sign = undefined;
    if (!sign) {
      sign = firstSign(await reader.read());
      heardBefore = wordsHeard();
      looks = 0;
    }
    if (sign && looks >= looksUntilBelieved(sign, heardBefore > 0)) return sign;
    looks += 1;
    await delay(lookSeconds * 1000, undefined, { signal }).catch(() => {});
  }
  return undefined;
}

/** A guest that has not spoken yet is not expected to, and the medium's own word is not to be doubted. */
const FEW_LOOKS = 3;
/** The constructor says something every ten seconds at least. */
const MANY_LOOKS = 25;

function looksUntilBelieved(sign: Sign, speaks: boolean): number {
  return speaks && sign.code !== 'medium-gave-up' ? MANY_LOOKS : FEW_LOOKS;
}
