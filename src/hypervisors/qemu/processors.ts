/**
 * What the guest's processors do, seen from the host: each is a thread of QEMU, and one that the guest
 * has halted takes no time. A guest that stands still with a halted processor waits for something; one
 * with a busy one turns in circles, or is only slow.
 */
import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';

const LOOK_SECONDS = 1;
/** A halted guest is still woken by its clock, some hundred times in a second. */
const BUSY_SHARE = 0.2;
/** Of the times in /proc, in a second (proc_pid_stat(5)); Linux has no other on a PC. */
const TICKS = 100;

/** The answer to `query-cpus-fast`, as far as we need it. */
const processors = z.array(z.object({ 'thread-id': z.number() }));

/** How many processors work in the second from now on. */
export async function countBusy(pid: number, answer: unknown): Promise<number | undefined> {
  const threads = processors.safeParse(answer).data?.map((processor) => processor['thread-id']);
  if (!threads) return undefined;
  const times = () => Promise.all(threads.map((thread) => ticksOf(pid, thread)));
  const before = await times();
  await delay(LOOK_SECONDS * 1000);
  const after = await times();
  return after.filter(
    (ticks, index) => ticks - (before[index] ?? 0) >= BUSY_SHARE * LOOK_SECONDS * TICKS,
  ).length;
}

/** User and system time are fields 14 and 15. */
async function ticksOf(pid: number, thread: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/task/${thread}/stat`, 'utf8').catch(() => '');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return Number(fields[11] ?? 0) + Number(fields[12] ?? 0);
}
