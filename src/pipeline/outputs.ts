/**
 * Files that a record speaks of. Nobody writes to them any more, so builds share them: as hard links
 * where the file system has them, else as copies.
 */
import { constants } from 'node:fs';
import { copyFile, link, mkdir, open, readFile, rename, rm, stat, utimes } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { systemCodeOf } from '../system/error.ts';
import type { Output } from './record.ts';

/** What a record says of a file in its folder. */
export async function outputOf(folder: string, path: string): Promise<Output> {
  const { size, mtimeMs } = await stat(path);
  return { path: relative(folder, path), sizeBytes: size, modified: Math.floor(mtimeMs / 1000) };
}

/** Brings a file to the disk: a power cut must not leave half of what a record calls whole. */
export async function settle(path: string): Promise<void> {
  const file = await open(path, 'r+');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Whether the file is still as it was recorded. */
export async function isIntact(folder: string, output: Output): Promise<boolean> {
  try {
    const now = await outputOf(folder, join(folder, output.path));
    return now.sizeBytes === output.sizeBytes && now.modified === output.modified;
  } catch (thrown) {
    if (['ENOENT', 'ENOTDIR', 'EACCES'].includes(systemCodeOf(thrown) ?? '')) return false;
    throw thrown;
  }
}

/** Of checksums, which are all of one size. */
const SMALL_BYTES = 4096;

/** Whether both paths are the same file, or one is a copy that `share` made of the other. */
export async function isShared(from: string, to: string): Promise<boolean> {
  const [one, other] = await Promise.all([from, to].map((path) => stat(path).catch(() => null)));
  if (!one?.isFile() || !other?.isFile()) return false;
  if (one.dev === other.dev && one.ino === other.ino) return true;
  if (one.size !== other.size) return false;
  if (one.size <= SMALL_BYTES) return (await readFile(from)).equals(await readFile(to));
  return Math.floor(one.mtimeMs / 1000) === Math.floor(other.mtimeMs / 1000);
}

/** Gives a file a second name, in the place of whatever has that name now. */
export async function share(from: string, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true });
  const beside = `${to}.part`;
  // What a killed run left.
  await rm(beside, { force: true });
  try {
    await linkOrCopy(from, beside);
    await rename(beside, to);
  } finally {
    // Renaming a file onto another name of its own does nothing, and leaves both.
    await rm(beside, { force: true });
  }
}

async function linkOrCopy(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch (thrown) {
    // Another file system, one without links, or too many of them.
    if (!['EXDEV', 'EPERM', 'ENOTSUP', 'EMLINK'].includes(systemCodeOf(thrown) ?? '')) throw thrown;
    await copyFile(from, to, constants.COPYFILE_FICLONE);
    const { atime, mtime } = await stat(from);
    await utimes(to, atime, mtime);
  }
}
