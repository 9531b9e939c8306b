/** Tells a process from a later one that has got the same id. */
import { processFields } from './process-fields.ts';

/** When the process started, in clock ticks since this computer's boot: with the pid it names one process. */
export async function startTimeOf(pid: number): Promise<string | undefined> {
  // The 22nd field of all.
  return (await processFields(String(pid)))[19];
}
