/**
 * One pvmc at a time in a folder. flock(1) holds the lock for a `cat` that waits for our end of a
 * pipe: when this process ends, however it ends, the pipe closes and the lock is free. Nothing is left
 * behind that would have to be recognised as stale.
 */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { PvmcError } from './error.ts';
import type { Progress } from './progress.ts';
import { cleanEnvironment, signalGroup } from './run.ts';

type Holder = ChildProcessByStdio<Writable, Readable, null>;

/** Longer than the first download of a large repository's index over a slow line. */
const DEADLINE_MILLISECONDS = 20 * 60_000;
const NOTICE_MILLISECONDS = 2000;

/** Does the work while no other process holds the lock on the file. */
export async function withLock<T>(
  path: string,
  progress: Progress,
  work: () => Promise<T>,
): Promise<T> {
  const holder = await acquire(path, progress);
  try {
    return await work();
  } finally {
    holder.stdin.end();
  }
}

async function acquire(path: string, progress: Progress): Promise<Holder> {
  progress.signal.throwIfAborted();
  const holder = spawn('flock', [path, 'cat'], {
    detached: true,
    env: cleanEnvironment(),
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  const notice = setTimeout(
    () => progress.notice(`Waiting for another pvmc, which works in ${path}.`),
    NOTICE_MILLISECONDS,
  );
  const signal = AbortSignal.any([progress.signal, AbortSignal.timeout(DEADLINE_MILLISECONDS)]);
  // A holder that could not start says so with its own event; the broken pipe adds nothing.
  holder.stdin.on('error', () => {});
  try {
    // What goes in comes out again as soon as `cat` runs, which is when the lock is held.
    holder.stdin.write('held\n');
    await held(holder, path, signal);
    return holder;
  } catch (thrown) {
    if (holder.pid !== undefined) signalGroup(holder.pid, 'SIGTERM');
    if (signal.aborted && !progress.signal.aborted) throw lockTimeout(path);
    throw progress.signal.aborted ? progress.signal.reason : thrown;
  } finally {
    clearTimeout(notice);
  }
}

async function held(holder: Holder, path: string, signal: AbortSignal): Promise<void> {
  const ended = async () => {
    await once(holder, 'close', { signal });
    throw new PvmcError({
      kind: 'host',
      code: 'lock-failed',
      message: `the lock ${path} could not be taken`,
      hint: 'The programs flock and cat are needed, and the folder must be writable.',
    });
  };
  await Promise.race([once(holder.stdout, 'data', { signal }), ended()]);
}

function lockTimeout(path: string): PvmcError {
  return new PvmcError({
    kind: 'host',
    code: 'lock-timeout',
    message: `another pvmc has held ${path} for too long`,
    hint: 'See what it is doing (`ps aux | grep pvmc`), or use another cache folder.',
  });
}
