/**
 * A file that appears only when it is finished: written under another name beside its place, made safe on
 * the disk, then renamed. Until then whatever had the name stays as it was.
 */
import { type FileHandle, mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { PvmcError, systemCodeOf } from '../system/error.ts';

export class PartialFile implements AsyncDisposable {
  readonly finalPath: string;
  readonly path: string;
  #isFinished = false;

  constructor(finalPath: string) {
    this.finalPath = finalPath;
    this.path = `${finalPath}.partial`;
  }

  /** Opens it, new and empty, for `work`; what that has written is on the disk when this returns. */
  async write(work: (file: FileHandle) => Promise<void>): Promise<void> {
    await explainingFailures(this.finalPath, async () => {
      const file = await open(this.path, 'w+', 0o644);
      try {
        await work(file);
        await file.sync();
      } finally {
        await file.close();
      }
    });
  }

  /** The same for a file that another program has written. */
  async sync(): Promise<void> {
    await explainingFailures(this.finalPath, () => syncPath(this.path));
  }

  /** Gives the file its name. */
  async finish(): Promise<void> {
    await explainingFailures(this.finalPath, async () => {
      await rename(this.path, this.finalPath);
      this.#isFinished = true;
      await syncPath(dirname(this.finalPath));
    });
  }

  /** Removes what is not finished. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#isFinished) await rm(this.path, { force: true });
  }
}

/** Makes the folder that exports go to, if it is missing. */
export async function ensureFolder(folder: string): Promise<void> {
  await explainingFailures(folder, async () => {
    await makeFolder(folder);
  });
}

/** mkdir's own `recursive` never returns where folders can exist but not be made, as in /proc. */
async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder);
  } catch (thrown) {
    const code = systemCodeOf(thrown);
    if (code === 'EEXIST' && (await stat(folder)).isDirectory()) return;
    const parent = dirname(folder);
    if (code !== 'ENOENT' || parent === folder) throw thrown;
    await makeFolder(parent);
    await mkdir(folder);
  }
}

/** Turns the system's errors about the output into ours. */
export async function explainingFailures(path: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (thrown) {
    throw outputFailure(path, thrown) ?? thrown;
  }
}

async function syncPath(path: string): Promise<void> {
  const file = await open(path, 'r');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

function outputFailure(path: string, thrown: unknown): PvmcError | undefined {
  switch (systemCodeOf(thrown) ?? '') {
    case 'ENOSPC':
    case 'EDQUOT':
      return outputFull(path, thrown);
    case 'EFBIG':
      return new PvmcError({
        kind: 'host',
        code: 'output-too-large',
        message: `${path} became larger than the file system or a limit of this account allows`,
        hint: 'Look at `ulimit -f`, or export to another file system.',
        cause: thrown,
      });
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
    case 'EEXIST':
    case 'ENOENT':
    case 'ENOTDIR':
    case 'EISDIR':
      return new PvmcError({
        kind: 'host',
        code: 'output-not-writable',
        message: `${path} cannot be written: ${thrown instanceof Error ? thrown.message : ''}`,
        hint: 'Give a folder that you may write to.',
        cause: thrown,
      });
    default:
      return undefined;
  }
}

export function outputFull(path: string, cause: unknown): PvmcError {
  return new PvmcError({
    kind: 'host',
    code: 'output-full',
    message: `the file system is full: ${path} could not be finished`,
    hint: 'Make room, or export to another file system. What was there before is untouched.',
    cause,
  });
}
