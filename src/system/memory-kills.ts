/** Whether the kernel has ended programs because memory ran out: its log is not for everybody, this is. */
import { readFile } from 'node:fs/promises';

/** How many processes the OOM killer has ended since this computer's boot; undefined where nobody counts. */
export async function memoryKills(): Promise<number | undefined> {
  const counters = await readFile('/proc/vmstat', 'utf8').catch(() => '');
  const [, count] = /^oom_kill (\d+)$/m.exec(counters) ?? [];
  return count === undefined ? undefined : Number(count);
}
