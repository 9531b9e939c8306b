/**
 * The process groups that we started and that still live. Whatever ends this process, also a second
 * Ctrl-C or a defect, ends them too: none of our programs outlives us.
 */
import { systemCodeOf } from './error.ts';

const live = new Set<number>();
let guarding = false;

/** Sends a signal to a process group; a group that is gone is fine. */
export function signalGroup(processId: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-processId, signal);
  } catch (thrown) {
    if (systemCodeOf(thrown) !== 'ESRCH') throw thrown;
  }
}

/**
 * Has the group of a process that was started `detached` killed when this process exits.
 * Returns how to end that guard, to be called when the group is gone.
 */
export function guardGroup(processId: number): () => void {
  if (!guarding) process.on('exit', killLiveGroups);
  guarding = true;
  live.add(processId);
  return () => live.delete(processId);
}

/** Ends every live group at once. */
export function killLiveGroups(): void {
  for (const processId of live) {
    try {
      signalGroup(processId, 'SIGKILL');
    } catch {
      // Nothing is left to tell it to, and the others must still be ended.
    }
  }
  live.clear();
}
