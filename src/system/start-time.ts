/** Tells a process from a later one that has got the same id. */
import { readFile } from 'node:fs/promises';

/** When the process started, in clock ticks since this computer's boot: with the pid it names one process. */
export async function startTimeOf(pid: number): Promise<string | undefined> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    // The second field is a name that may hold spaces; the start time is the 22nd (proc_pid_stat(5)).
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}
