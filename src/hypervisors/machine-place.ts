/**
 * The place of an imported machine on this computer's disk: its own folder. Who makes the folder has the name; a
 * mark in it tells whose it is, so that what a process that was killed has left is free again.
 */
import { mkdir, readdir, rename, rm, rmdir, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { messageOf, PvmcError, systemCodeOf } from '../system/error.ts';
import { isThere } from '../system/is-there.ts';
import { startTimeOf } from '../system/start-time.ts';
import type { ClaimedPlace, Place } from './importer.ts';

/** Whether anything has the folder's name already. */
export async function placeOf(folder: string): Promise<Place> {
  const free = !(await isThere(folder)) || (await abandonedMark(folder)) !== undefined;
  return { folder, takenBy: free ? undefined : `there is a ${folder} already` };
}

/**
 * Makes the machine's own folder, and those above it. Of two who want the same at the same time one gets it.
 * Undefined when somebody else has it.
 * @throws PvmcError `output-not-writable`, `no-space`
 */
export function claimPlace(folder: string): Promise<ClaimedPlace | undefined> {
  return explaining(folder, async () => {
    const parent = dirname(folder);
    const madeAbove = await mkdir(parent, { recursive: true });
    const mark = join(folder, await ownMark());
    const release = async () => {
      await rm(mark, { force: true }).catch(() => {});
      await removeEmpty(folder, madeAbove ?? folder);
    };
    try {
      if (!(await occupy(folder, mark))) return undefined;
    } catch (thrown) {
      await release();
      throw thrown;
    }
    return { open: () => rm(mark, { force: true }), release };
  });
}

/** Whether the folder is ours now: new, or taken over from a process that has ended. */
async function occupy(folder: string, mark: string): Promise<boolean> {
  try {
    await mkdir(folder);
  } catch (thrown) {
    const abandoned = await abandonedMark(folder);
    if (abandoned !== undefined) return takeOver(abandoned, mark);
    if (await isThere(folder)) return false;
    throw thrown;
  }
  await writeFile(mark, '');
  return true;
}

/** Only one of several can rename it. */
async function takeOver(abandoned: string, mark: string): Promise<boolean> {
  try {
    await rename(abandoned, mark);
    return true;
  } catch (thrown) {
    if (systemCodeOf(thrown) === 'ENOENT') return false;
    throw thrown;
  }
}

/** A process, by its id and the time at which it started. */
const MARK = /^\.importing-(\d+)-(\d+)$/;

async function ownMark(): Promise<string> {
  return `.importing-${process.pid}-${(await startTimeOf(process.pid)) ?? '0'}`;
}

/** The mark of a process that has ended, in a folder where there is nothing else. */
async function abandonedMark(folder: string): Promise<string | undefined> {
  const [name = '', ...more] = await readdir(folder).catch(() => []);
  const [, pid, startTime] = MARK.exec(name) ?? [];
  if (pid === undefined || more.length > 0) return undefined;
  return (await startTimeOf(Number(pid))) === startTime ? undefined : join(folder, name);
}

/** The folders from `folder` up to `top`, as far as nobody has put anything there. */
async function removeEmpty(folder: string, top: string): Promise<void> {
  try {
    for (let next = folder; basename(next) !== ''; next = dirname(next)) {
      await rmdir(next);
      if (next === top) return;
    }
  } catch {
    // Somebody else uses it.
  }
}

/** @throws PvmcError `output-not-writable`, `no-space` for what the system says of the folder; what `work` throws */
export async function explaining<T>(folder: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    throw explained(dirname(folder), thrown);
  }
}

const NOT_WRITABLE = ['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'EEXIST', 'ENOTEMPTY'];

function explained(parent: string, thrown: unknown): unknown {
  const code = systemCodeOf(thrown) ?? '';
  const said = thrown instanceof PvmcError ? thrown.details.join('\n') : '';
  if (code === 'ENOSPC' || said.includes('No space left on device'))
    return new PvmcError({
      kind: 'host',
      code: 'no-space',
      message: `no space is left for the machine in ${parent}`,
      hint: 'Make room, or import into another folder: --folder. Nothing of it was kept.',
      cause: thrown,
    });
  if (!NOT_WRITABLE.includes(code)) return thrown;
  return new PvmcError({
    kind: 'host',
    code: 'output-not-writable',
    message: `the machine cannot be made in ${parent}: ${messageOf(thrown)}`,
    hint: 'Give a folder that you may write to: --folder.',
    cause: thrown,
  });
}
