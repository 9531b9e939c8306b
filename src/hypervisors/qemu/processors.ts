/**
 * What the guest's processors do, seen from the host: each is a thread of QEMU, which sleeps while the
 * guest has halted it. A guest that stands still with halted processors waits for something; one with
 * busy ones turns in circles, or is only slow.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { processState } from '../../system/process-fields.ts';

/** In one second. */
const LOOKS = 10;
/** A halted guest is still woken by its clock, for moments. */
const BUSY_LOOKS = 3;

/** The answer to `query-cpus-fast`, as far as we need it. */
const processors = z.array(z.object({ 'thread-id': z.number() }));

/** How many processors work in the second from now on. */
export async function countBusy(pid: number, answer: unknown): Promise<number | undefined> {
  const threads = processors.safeParse(answer).data?.map((processor) => processor['thread-id']);
  if (!threads) return undefined;
  const seenRunning = new Map(threads.map((thread) => [thread, 0]));
  for (let look = 0; look < LOOKS; look += 1) {
    // Waiting for one of this computer's processors is running, too.
    for (const [thread, seen] of seenRunning)
      if ((await processState(`${pid}/task/${thread}`)) === 'R') seenRunning.set(thread, seen + 1);
    await delay(1000 / LOOKS);
  }
  return [...seenRunning.values()].filter((seen) => seen >= BUSY_LOOKS).length;
}
