/**
 * A file that appears only when it is finished: written under another name beside its place, made safe on
 * the disk, then renamed. Until then whatever had the name stays as it was.
 */
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { type FileHandle, link, mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { removeAbandoned } from '../system/abandoned.ts';
import { PvmcError, systemCodeOf } from '../system/error.ts';
import { isThere } from '../system/is-there.ts';

/** What becomes of a file that has the name when the new one is finished. */
type Present = 'replaced' | 'kept';

export class PartialFile implements AsyncDisposable {
  readonly finalPath: string;
  /** Nobody else's: it is drawn at random, and only made where nothing is. */
  readonly path: string;
  readonly #mode: number;
  #isOurs = false;

  /** @param mode who may do what with it, less what the process's umask takes */
  constructor(finalPath: string, mode = 0o644) {
    this.finalPath = finalPath;
    this.path = `${finalPath}.${process.pid}-${randomBytes(4).toString('hex')}.partial`;
    this.#mode = mode;
  }

  /** Makes it for `work`, once; what that has written is on the disk when this returns. */
  async write(work: (file: FileHandle) => Promise<void>): Promise<void> {
    await explainingFailures(this.finalPath, async () => {
      const start = `${basename(this.finalPath)}.`;
      await removeAbandoned(dirname(this.finalPath), start, /^(\d+)-[0-9a-f]{8}\.partial$/);
      const file = await open(this.path, 'wx+', this.#mode);
      this.#isOurs = true;
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

  /** Gives the file its name. @throws PvmcError `output-exists` where what is there is to be kept */
  async finish(present: Present = 'replaced'): Promise<void> {
    await explainingFailures(this.finalPath, async () => {
      if (present === 'kept') await takeName(this.path, this.finalPath);
      else await rename(this.path, this.finalPath);
      this.#isOurs = false;
      await syncPath(dirname(this.finalPath));
    });
  }

  /** Removes what is not finished. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isOurs) await rm(this.path, { force: true });
  }
}

/** Renames a file to a name that nothing has: renaming alone would replace what has come there meanwhile. */
async function takeName(path: string, finalPath: string): Promise<void> {
  try {
    await link(path, finalPath);
    await rm(path);
  } catch (thrown) {
    const code = systemCodeOf(thrown) ?? '';
    if (code === 'EEXIST') throw outputExists(finalPath);
    // A file system without links.
    if (!['EPERM', 'ENOTSUP', 'ENOSYS'].includes(code)) throw thrown;
    if (await isThere(finalPath)) throw outputExists(finalPath);
    await rename(path, finalPath);
  }
}

export function outputExists(path: string): PvmcError {
  return new PvmcError({
    kind: 'host',
    code: 'output-exists',
    message: `${path} exists already, and stays as it is`,
    hint: 'Give another name, or remove it first.',
  });
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
      return notWritable(path, 'this account may not', thrown);
    case 'EROFS':
      return notWritable(path, 'the file system is read-only', thrown);
    case 'ENOENT':
      // In /proc nothing can be made, which is told by the same code.
      return notWritable(
        path,
        existsSync(dirname(path))
          ? 'nothing can be made there'
          : `there is no folder ${dirname(path)}`,
        thrown,
      );
    case 'ENOTDIR':
      return notWritable(path, `${dirname(path)} is no folder`, thrown);
    case 'EEXIST':
    case 'EISDIR':
      return notWritable(path, 'something else of this name is there', thrown);
    default:
      return undefined;
  }
}

function notWritable(path: string, why: string, cause: unknown): PvmcError {
  return new PvmcError({
    kind: 'host',
    code: 'output-not-writable',
    message: `${path} cannot be written: ${why}`,
    hint: 'Give a folder that you may write to.',
    cause,
  });
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
