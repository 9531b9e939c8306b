/**
 * A lock for computers without flock(1), which are all but Linux: a file that only one process can make, with
 * its id inside. Who finds one whose process has ended takes it away; what a system without /proc tells of
 * processes is that one with this id lives, so a lock may be held a little longer than it has to.
 */
import { randomUUID } from 'node:crypto';
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemCodeOf } from './error.ts';
import { startTimeOf } from './start-time.ts';

const PAUSE_MILLISECONDS = 200;

/** Waits until the lock on a path is ours. Returns how to give it back. @throws the signal's reason */
export async function takeLockFile(
  path: string,
  signal: AbortSignal,
): Promise<() => Promise<void>> {
  const file = join(dirname(path), `.${basename(path)}.lock`);
  while (!(await make(file))) {
    await removeAbandoned(file);
    await sleep(PAUSE_MILLISECONDS, undefined, { signal });
  }
  return () => rm(file, { force: true });
}

async function make(file: string): Promise<boolean> {
  const startTime = (await startTimeOf(process.pid)) ?? '';
  try {
    await writeFile(file, `${process.pid} ${startTime}\n`, { flag: 'wx' });
    return true;
  } catch (thrown) {
    if (systemCodeOf(thrown) === 'EEXIST') return false;
    throw thrown;
  }
}

async function removeAbandoned(file: string): Promise<void> {
  const owner = await readFile(file, 'utf8').catch(() => '');
  const [pid = '', startTime] = owner.trim().split(' ');
  // Just made, and not written yet.
  if (pid === '' || (await startTimeOf(Number(pid))) === startTime) return;
  const aside = `${file}.${randomUUID()}`;
  try {
    await rename(file, aside);
    // Somebody else was faster, and has it already.
    if ((await readFile(aside, 'utf8')) !== owner) await link(aside, file).catch(() => {});
  } catch (thrown) {
    if (systemCodeOf(thrown) !== 'ENOENT') throw thrown;
  } finally {
    await rm(aside, { force: true });
  }
}
