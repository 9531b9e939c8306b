/** What the kernel tells of a process, or of one of its threads (proc_pid_stat(5)). */
import { readFile } from 'node:fs/promises';

/** `path` is a pid or `PID/task/TID`. From the third field, the state, on; empty when it is gone. */
export async function processFields(path: string): Promise<readonly string[]> {
  try {
    const stat = await readFile(`/proc/${path}/stat`, 'utf8');
    // The second field is a name that may hold spaces.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  } catch {
    return [];
  }
}

/** `R` for one that runs or could, `S` for one that sleeps, `T` for one that was stopped. */
export async function processState(path: string): Promise<string | undefined> {
  return (await processFields(path))[0];
}
