/** Tells a process from a later one that has got the same id. */
import { systemCodeOf } from './error.ts';
import { processFields } from './process-fields.ts';

/**
 * When the process started, in clock ticks since this computer's boot: with the pid it names one process.
 * Undefined when it is gone, or has ended and only waits for its parent to ask how: in a container whose
 * first process never asks, it waits for ever.
 */
export async function startTimeOf(
  pid: number,
  platform: NodeJS.Platform = process.platform,
): Promise<string | undefined> {
  if (platform !== 'linux') return isAlive(pid) ? NOT_KNOWN : undefined;
  const fields = await processFields(String(pid));
  if (HAS_ENDED.has(fields[0] ?? '')) return undefined;
  // The 22nd field of all.
  return fields[19];
}

/** States of proc_pid_stat(5): a zombie, and one that is being removed. */
const HAS_ENDED: ReadonlySet<string> = new Set(['Z', 'X']);

/** Only Linux tells without a program: elsewhere a later process with the same id is taken for the one that was. */
const NOT_KNOWN = '0';

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (thrown) {
    // Somebody else's, which we may not send anything.
    return systemCodeOf(thrown) === 'EPERM';
  }
}
