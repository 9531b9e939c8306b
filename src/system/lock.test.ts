import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { withLock, withLockFile } from './lock.ts';
import { quietProgress } from './progress.ts';
import { run } from './run.ts';

let folder: string;
let path: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pvmc-lock-'));
  path = join(folder, 'lock');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** Whether another process can have the lock now. */
async function isFree(): Promise<boolean> {
  const { status } = await run(['flock', '--nonblock', path, 'true'], { accept: [0, 1] });
  return status === 0;
}

/** The lock is given back when its holder has ended, just after our work has. */
async function becomesFree(): Promise<void> {
  await run(['flock', '--timeout', '5', path, 'true']);
}

test('the lock is held during the work and free afterwards, whether it succeeds or fails', async () => {
  expect(await withLock(path, quietProgress(), isFree)).toBe(false);
  await becomesFree();
  const failure = new Error('the work failed');
  await expect(withLock(path, quietProgress(), () => Promise.reject(failure))).rejects.toBe(
    failure,
  );
  await becomesFree();
});

test('works wait for each other', async () => {
  let running = 0;
  const work = async () => {
    running += 1;
    await new Promise((done) => setTimeout(done, 50));
    const seen = running;
    running -= 1;
    return seen;
  };
  const works = [1, 2, 3].map(() => withLock(path, quietProgress(), work));
  expect(await Promise.all(works)).toEqual([1, 1, 1]);
});

test('waiting ends with the signal’s reason, and leaves the lock to its holder', async () => {
  await withLock(path, quietProgress(), async () => {
    const stop = new AbortController();
    const reason = new Error('stopped by the test');
    setTimeout(() => stop.abort(reason), 100);
    const second = withLock(path, quietProgress(stop.signal), () => Promise.resolve());
    await expect(second).rejects.toBe(reason);
    expect(await isFree()).toBe(false);
  });
  await becomesFree();
});

test('a lock that cannot be had is a failure at once', async () => {
  const nowhere = withLock(join(folder, 'no/such/lock'), quietProgress(), () => Promise.resolve());
  await expect(nowhere).rejects.toMatchObject({ code: 'lock-failed' });
});

describe('without flock', () => {
  const withFile = <T>(work: () => Promise<T>, signal?: AbortSignal) =>
    withLockFile(path, quietProgress(signal), work);

  test('works wait for each other, and nothing is left', async () => {
    let running = 0;
    const work = async () => {
      running += 1;
      await new Promise((done) => setTimeout(done, 20));
      const seen = running;
      running -= 1;
      return seen;
    };
    expect(await Promise.all([1, 2, 3].map(() => withFile(work)))).toEqual([1, 1, 1]);
    await expect(withFile(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(await readdir(folder)).toEqual([]);
  });

  test('what a process has left that was killed is taken away', async () => {
    await writeFile(join(folder, '.lock.lock'), '999999999 1\n');
    expect(await withFile(() => Promise.resolve('done'))).toBe('done');
    expect(await readdir(folder)).toEqual([]);
  });

  test('a lock that cannot be had is a failure at once', async () => {
    const nowhere = join(folder, 'no/such/lock');
    const lost = withLockFile(nowhere, quietProgress(), () => Promise.resolve());
    await expect(lost).rejects.toMatchObject({
      code: 'lock-failed',
      hint: expect.stringContaining('ENOENT'),
    });
  });

  test('waiting ends with the signal’s reason', async () => {
    await withFile(async () => {
      const stop = new AbortController();
      setTimeout(() => stop.abort(new Error('stopped by the test')), 50);
      const second = withFile(() => Promise.resolve(), stop.signal);
      await expect(second).rejects.toThrow('stopped by the test');
    });
    expect(await readdir(folder)).toEqual([]);
  });
});
