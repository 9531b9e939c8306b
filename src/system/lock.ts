/**
 * One pvmc at a time in a folder. flock(1) holds the lock for a `cat` that waits for our end of a
 * pipe: when this process ends, however it ends, the pipe closes and the lock is free. Nothing is left
 * behind that would have to be recognised as stale. Other systems than Linux have no flock(1).
 */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { messageOf, PvmcError, systemCodeOf } from './error.ts';
import { takeLockFile } from './lock-file.ts';
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
  if (process.platform !== 'linux') return withLockFile(path, progress, work);
  return holding(await acquire(path, progress, flock), work);
}

/** The same on a computer without flock. */
export async function withLockFile<T>(
  path: string,
  progress: Progress,
  work: () => Promise<T>,
): Promise<T> {
  return holding(await acquire(path, progress, lockFile), work);
}

async function holding<T>(release: Release, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } finally {
    await release();
  }
}

type Release = () => Promise<void> | void;

/** Waits for the lock. Returns how to give it back. @throws the signal's reason */
type Take = (path: string, signal: AbortSignal) => Promise<Release>;

async function acquire(path: string, progress: Progress, take: Take): ReturnType<Take> {
  progress.signal.throwIfAborted();
  const notice = setTimeout(
    () => progress.notice(`Waiting for another pvmc, which works in ${path}.`),
    NOTICE_MILLISECONDS,
  );
  const signal = AbortSignal.any([progress.signal, AbortSignal.timeout(DEADLINE_MILLISECONDS)]);
  try {
    return await take(path, signal);
  } catch (thrown) {
    if (signal.aborted && !progress.signal.aborted) throw lockTimeout(path);
    throw progress.signal.aborted ? progress.signal.reason : thrown;
  } finally {
    clearTimeout(notice);
  }
}

const flock: Take = async (path, signal) => {
  const holder = spawn('flock', [path, 'cat'], {
    detached: true,
    env: cleanEnvironment(),
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  // A holder that could not start says so with its own event; the broken pipe adds nothing.
  holder.stdin.on('error', () => {});
  try {
    // What goes in comes out again as soon as `cat` runs, which is when the lock is held.
    holder.stdin.write('held\n');
    await held(holder, path, signal);
    return () => void holder.stdin.end();
  } catch (thrown) {
    if (holder.pid !== undefined) signalGroup(holder.pid, 'SIGTERM');
    throw thrown;
  }
};

async function held(holder: Holder, path: string, signal: AbortSignal): Promise<void> {
  const ended = async () => {
    await once(holder, 'close', { signal });
    throw lockFailed(
      path,
      'The programs flock and cat are needed, and the folder must be writable.',
    );
  };
  await Promise.race([once(holder.stdout, 'data', { signal }), ended()]);
}

const lockFile: Take = async (path, signal) => {
  try {
    return await takeLockFile(path, signal);
  } catch (thrown) {
    if (systemCodeOf(thrown) === undefined || signal.aborted) throw thrown;
    throw lockFailed(path, `The folder must be writable: ${messageOf(thrown)}`);
  }
};

function lockFailed(path: string, hint: string): PvmcError {
  return new PvmcError({
    kind: 'host',
    code: 'lock-failed',
    message: `the lock ${path} could not be taken`,
    hint,
  });
}

function lockTimeout(path: string): PvmcError {
  return new PvmcError({
    kind: 'host',
    code: 'lock-timeout',
    message: `another pvmc has held ${path} for too long`,
    hint: 'See what it is doing (`ps aux | grep pvmc`), or use another cache folder.',
  });
}
