/**
 * Copies of disk images: holes stay holes, zeroes become holes, and a file system that can (btrfs, XFS)
 * shares the blocks with the original, which then costs nothing.
 */
import { rename, rm } from 'node:fs/promises';
import { PvmcError } from './error.ts';
import { type RunOptions, run } from './run.ts';

/**
 * Copies a file. The copy appears under its name only when it is whole, in place of what was there;
 * after a failure or an abort nothing is left of it.
 * @throws PvmcError `no-space`, `copy-failed`; the signal's reason when it was aborted.
 */
export async function copySparse(
  from: string,
  to: string,
  options: Pick<RunOptions, 'signal' | 'log'> = {},
): Promise<void> {
  const partial = `${to}.partial`;
  const copy = ['cp', '--sparse=always', '--reflink=auto', '--', from, partial];
  try {
    await run(copy, options);
    options.signal?.throwIfAborted();
    await rename(partial, to);
  } catch (thrown) {
    await rm(partial, { force: true });
    throw copyFailure(from, to, thrown);
  }
}

function copyFailure(from: string, to: string, thrown: unknown): unknown {
  if (!(thrown instanceof PvmcError) || thrown.code !== 'program-failed') return thrown;
  const { details } = thrown;
  const full = details.some((line) => /No space left on device|Disk quota exceeded/.test(line));
  return new PvmcError({
    kind: 'host',
    code: full ? 'no-space' : 'copy-failed',
    message: full
      ? `there is no room to copy ${from} to ${to}`
      : `${from} cannot be copied to ${to}`,
    hint: full ? 'Make room there; df -h tells how much there is.' : thrown.hint,
    details,
    cause: thrown,
  });
}
