/** Tells a process from a later one that has got the same id. */
import { processFields } from './process-fields.ts';

/**
 * When the process started, in clock ticks since this computer's boot: with the pid it names one process.
 * Undefined when it is gone, or has ended and only waits for its parent to ask how: in a container whose
 * first process never asks, it waits for ever.
 */
export async function startTimeOf(pid: number): Promise<string | undefined> {
  const fields = await processFields(String(pid));
  if (HAS_ENDED.has(fields[0] ?? '')) return undefined;
  // The 22nd field of all.
  return fields[19];
}

/** States of proc_pid_stat(5): a zombie, and one that is being removed. */
const HAS_ENDED: ReadonlySet<string> = new Set(['Z', 'X']);
