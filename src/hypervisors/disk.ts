/** The machine's disk on the host. */
import { open, rm, stat } from 'node:fs/promises';
import { messageOf, PvmcError, systemCodeOf } from '../system/error.ts';
import { formatSize } from '../system/size.ts';

export interface NewDisk {
  readonly path: string;
  readonly sizeBytes: number;
}

/** A new empty file that takes no space yet; never one that is there already. */
export async function createDisk(disk: NewDisk): Promise<void> {
  try {
    const file = await open(disk.path, 'wx', 0o600);
    try {
      await file.truncate(disk.sizeBytes);
    } catch (thrown) {
      await rm(disk.path, { force: true });
      throw thrown;
    } finally {
      await file.close();
    }
  } catch (thrown) {
    throw diskFailure(disk, thrown);
  }
}

function diskFailure({ path, sizeBytes }: NewDisk, cause: unknown): PvmcError {
  const code = systemCodeOf(cause) ?? messageOf(cause);
  switch (code) {
    case 'EEXIST':
      return new PvmcError({
        kind: 'host',
        code: 'disk-exists',
        message: `the disk ${path} exists already and is not touched`,
        hint: 'Remove it if you do not need it, or build into another folder.',
        cause,
      });
    case 'ENOSPC':
    case 'EFBIG':
      return new PvmcError({
        kind: 'host',
        code: 'no-space',
        message: `there is no room for a disk of ${formatSize(sizeBytes)} at ${path}`,
        hint: 'Make room, build in a folder on another disk, or lower `disk` of the machine.',
        cause,
      });
    default:
      return new PvmcError({
        kind: 'host',
        code: 'disk-not-created',
        message: `the disk ${path} cannot be created: ${code}`,
        hint: 'The folder must exist and be writable.',
        cause,
      });
  }
}

/** A file that somebody else made for the machine must be there. */
export async function expectFile(path: string | undefined, what: 'medium' | 'disk'): Promise<void> {
  if (path === undefined) return;
  try {
    await stat(path);
  } catch (cause) {
    throw new PvmcError({
      kind: 'host',
      code: `${what}-missing`,
      message: `the machine's ${what} ${path} is not there`,
      hint: 'It was removed or moved; run the stage that makes it again.',
      cause,
    });
  }
}
