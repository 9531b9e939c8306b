/** The place of an imported machine on this computer's disk: its own folder, in one that may have to be made. */
import { mkdir, rmdir } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { messageOf, PvmcError, systemCodeOf } from '../system/error.ts';
import { isThere } from '../system/is-there.ts';
import type { Place } from './importer.ts';

/** Whether anything has the folder's name already. */
export async function placeOf(folder: string): Promise<Place> {
  return { folder, takenBy: (await isThere(folder)) ? `there is a ${folder} already` : undefined };
}

/**
 * Makes the folders above the machine's own; after a failure of `work` those that are new go again.
 * @throws PvmcError `output-not-writable`, `no-space` for what the system says of them; what `work` throws.
 */
export async function inParentFolder(folder: string, work: () => Promise<void>): Promise<void> {
  const parent = dirname(folder);
  let made: string | undefined;
  try {
    made = await mkdir(parent, { recursive: true });
    await work();
  } catch (thrown) {
    if (made !== undefined) await removeEmpty(parent, made);
    throw explained(parent, thrown);
  }
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
