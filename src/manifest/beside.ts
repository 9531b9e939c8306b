/**
 * Files and folders that the manifest takes from beside it. A relative path never leads out of the
 * manifest's folder, not by a symbolic link either, so that a manifest from elsewhere takes nothing
 * from this computer that its author did not send along. An absolute path is the user's own word.
 */
import { constants, type Stats } from 'node:fs';
import { access, readdir, realpath, stat } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, relative, resolve } from 'node:path';
import { messageOf, systemCodeOf } from '../system/error.ts';
import { formatSize } from '../system/size.ts';
import type { Complaint } from './field.ts';
import { quote } from './quote.ts';
import { didYouMean } from './suggest.ts';

/** Where the medium's file system ends. */
const MOST_BYTES = 4 * 2 ** 30 - 1;

/** A source folder with more was not meant, say the root of this computer. */
const MOST_FILES = 50_000;

export interface HostFile {
  /** Absolute, without symbolic links. */
  readonly hostPath: string;
  readonly sizeBytes: number;
  readonly isExecutable: boolean;
}

/** A file of a source folder. */
export interface TreeFile extends HostFile {
  /** Below the folder, with slashes. */
  readonly relativePath: string;
}

export type Found =
  | { readonly kind: 'file'; readonly file: HostFile }
  | { readonly kind: 'folder'; readonly files: readonly TreeFile[] }
  | { readonly kind: 'nothing'; readonly complaints: readonly Complaint[] };

/** Looks up a path as the manifest says it. */
export async function findBeside(folder: string, path: string): Promise<Found> {
  const named = resolve(folder, path);
  const seen = await look(named);
  if (seen.kind === 'nothing') return nothing(await missing(path, named, seen.reason));
  const bounds = isAbsolute(path) ? undefined : await realpath(folder);
  if (bounds !== undefined && !isWithin(bounds, seen.hostPath)) {
    return nothing({
      message: `${quote(path)} leads out of the manifest's folder`,
      hint: 'copy it there, or write an absolute path',
    });
  }
  if (seen.stats.isDirectory()) return walkFolder(path, seen.hostPath, bounds ?? seen.hostPath);
  const complaint = await fileComplaint(path, seen);
  return complaint ? nothing(complaint) : { kind: 'file', file: hostFile(seen) };
}

function nothing(...complaints: readonly Complaint[]): Found {
  return { kind: 'nothing', complaints };
}

type Seen =
  | { readonly kind: 'something'; readonly hostPath: string; readonly stats: Stats }
  | { readonly kind: 'nothing'; readonly reason: string | undefined };

async function look(path: string): Promise<Seen> {
  try {
    const hostPath = await realpath(path);
    return { kind: 'something', hostPath, stats: await stat(hostPath) };
  } catch (error) {
    const code = systemCodeOf(error);
    const reason = code === 'ENOENT' || code === 'ENOTDIR' ? undefined : messageOf(error);
    return { kind: 'nothing', reason };
  }
}

async function missing(
  path: string,
  named: string,
  reason: string | undefined,
): Promise<Complaint> {
  if (reason !== undefined) return { message: `${quote(path)} cannot be read: ${reason}` };
  const siblings = await readdir(dirname(named)).catch(() => []);
  const near = didYouMean(basename(named), siblings);
  return {
    message: `there is no ${quote(path)}`,
    hint: near ?? (isAbsolute(path) ? undefined : "paths are relative to the manifest's folder"),
  };
}

function isWithin(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way === '' || (way !== '..' && !way.startsWith('../'));
}

async function fileComplaint(
  path: string,
  { hostPath, stats }: { readonly hostPath: string; readonly stats: Stats },
): Promise<Complaint | undefined> {
  if (!stats.isFile()) return { message: `${quote(path)} is neither a file nor a folder` };
  if (stats.size > MOST_BYTES) {
    return {
      message: `${quote(path)} is too large (${formatSize(stats.size)}); a file on the medium has less than 4 GiB`,
    };
  }
  try {
    await access(hostPath, constants.R_OK);
    return undefined;
  } catch {
    return { message: `${quote(path)} cannot be read: permission denied` };
  }
}

function hostFile({
  hostPath,
  stats,
}: {
  readonly hostPath: string;
  readonly stats: Stats;
}): HostFile {
  return { hostPath, sizeBytes: stats.size, isExecutable: (stats.mode & 0o111) !== 0 };
}

interface Walk {
  /** As the manifest says it, for messages. */
  readonly source: string;
  /** What no symbolic link may leave. */
  readonly bounds: string;
  readonly files: TreeFile[];
  readonly complaints: Complaint[];
}

async function walkFolder(source: string, hostPath: string, bounds: string): Promise<Found> {
  const walk: Walk = { source, bounds, files: [], complaints: [] };
  await walkInto(walk, '', [hostPath]);
  if (walk.files.length > MOST_FILES) {
    return nothing({ message: `${quote(source)} has more than ${MOST_FILES} files in it` });
  }
  if (walk.complaints.length > 0) return { kind: 'nothing', complaints: walk.complaints };
  return walk.files.length === 0
    ? nothing({ message: `${quote(source)} is a folder with no file in it` })
    : { kind: 'folder', files: walk.files };
}

/** `above`: the folders on the way, the innermost last; a link to one of them would never end. */
async function walkInto(walk: Walk, below: string, above: readonly string[]): Promise<void> {
  const folder = above.at(-1) ?? '';
  const names = await readdir(folder).catch((error: unknown) => {
    const message = `${quote(join(walk.source, below))} cannot be read: ${messageOf(error)}`;
    walk.complaints.push({ message });
    return [];
  });
  // Sorted by code unit: the order must not depend on the file system or the language.
  for (const name of names.sort((a, b) => (a < b ? -1 : 1))) {
    if (walk.files.length > MOST_FILES) return;
    const relativePath = below === '' ? name : `${below}/${name}`;
    await walkEntry(walk, { relativePath, path: join(folder, name), above });
  }
}

interface Entry {
  readonly relativePath: string;
  readonly path: string;
  readonly above: readonly string[];
}

async function walkEntry(walk: Walk, { relativePath, path, above }: Entry): Promise<void> {
  const shown = join(walk.source, relativePath);
  const seen = await look(path);
  const complaint = await entryComplaint(walk, { shown, seen, above });
  if (complaint) {
    walk.complaints.push(complaint);
  } else if (seen.kind === 'something') {
    if (seen.stats.isDirectory()) await walkInto(walk, relativePath, [...above, seen.hostPath]);
    else walk.files.push({ ...hostFile(seen), relativePath });
  }
}

async function entryComplaint(
  { bounds }: Walk,
  entry: { readonly shown: string; readonly seen: Seen; readonly above: readonly string[] },
): Promise<Complaint | undefined> {
  const { shown, seen, above } = entry;
  if (seen.kind === 'nothing') {
    const reason = seen.reason === undefined ? 'is a link that leads nowhere' : `: ${seen.reason}`;
    return { message: `${quote(shown)} ${reason}` };
  }
  if (!isWithin(bounds, seen.hostPath)) {
    return { message: `${quote(shown)} is a link that leads out of the manifest's folder` };
  }
  if (/[\p{Cc}\ufffd]/u.test(shown)) {
    return { message: `${quote(shown)} has a name with control characters or not in UTF-8` };
  }
  if (!seen.stats.isDirectory()) return fileComplaint(shown, seen);
  return above.includes(seen.hostPath)
    ? { message: `${quote(shown)} is a link to a folder that it is in` }
    : undefined;
}
