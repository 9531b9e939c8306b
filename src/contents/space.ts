/**
 * What takes the space on an appliance's disk: its packages, by the files that are theirs, and its folders.
 * A file of several names is counted once, holes are not.
 */
import type { Progress } from '../system/progress.ts';
import { openContents } from './appliance-contents.ts';
import type { FileTree } from './packages.ts';
import { readSystem } from './read-system.ts';

export interface Taker {
  readonly name: string;
  readonly bytes: number;
}

/** All lists with the largest first. */
export interface SpaceUse {
  /** What was looked into. */
  readonly path: string;
  /** Of all files on all partitions. */
  readonly usedBytes: number;
  readonly packages: readonly Taker[];
  /** Files of the system's partition that no package has brought. */
  readonly unownedBytes: number;
  /** Those of the system's partition, each with all that is in it. */
  readonly folders: readonly Taker[];
}

/** @throws PvmcError of the kind `input` for what cannot be read; the signal's reason */
export async function readSpaceUse(path: string, progress: Progress): Promise<SpaceUse> {
  await using contents = await openContents(path, progress);
  const system = await readSystem(contents, progress.signal);
  const packages = new Map<string, number>();
  const folders = new Map<string, number>();
  let usedBytes = 0;
  let unownedBytes = 0;
  for (const [number, { tree }] of system.trees) {
    for (const { path: name, bytes } of countedOnce(tree)) {
      usedBytes += bytes;
      if (number !== system.own) continue;
      const owner = system.owners.get(name);
      if (owner === undefined) unownedBytes += bytes;
      else add(packages, owner, bytes);
      for (const folder of foldersOf(name)) add(folders, folder, bytes);
    }
  }
  return {
    path,
    usedBytes,
    packages: largestFirst(packages),
    unownedBytes,
    folders: telling(largestFirst(folders)),
  };
}

/** What each file takes. */
function countedOnce(tree: FileTree) {
  const counted = new Set<number>();
  const found: { readonly path: string; readonly bytes: number }[] = [];
  for (const { path, identity, usedBytes, type, sizeBytes } of tree.entries.values()) {
    if (counted.has(identity) || (type === 'file' && sizeBytes === 0)) continue;
    counted.add(identity);
    if (usedBytes > 0) found.push({ path, bytes: usedBytes });
  }
  return found;
}

/** Deeper ones tell nothing that these do not. */
const DEEPEST = 4;

function foldersOf(path: string): string[] {
  const names = path.split('/').slice(1, -1).slice(0, DEEPEST);
  return names.map((_, index) => `/${names.slice(0, index + 1).join('/')}`);
}

/** Of a folder and one within it that has nearly all of it, only the inner one says where to look. */
function telling(folders: readonly Taker[]): readonly Taker[] {
  const heaviest = new Map<string, number>();
  for (const { name, bytes } of folders) {
    const parent = name.slice(0, name.lastIndexOf('/'));
    heaviest.set(parent, Math.max(heaviest.get(parent) ?? 0, bytes));
  }
  return folders.filter(({ name, bytes }) => (heaviest.get(name) ?? 0) < bytes * NEARLY_ALL);
}

const NEARLY_ALL = 0.8;

function add(sums: Map<string, number>, name: string, bytes: number): void {
  sums.set(name, (sums.get(name) ?? 0) + bytes);
}

function largestFirst(sums: ReadonlyMap<string, number>): readonly Taker[] {
  return [...sums]
    .map(([name, bytes]) => ({ name, bytes }))
    .sort((a, b) => b.bytes - a.bytes || (a.name < b.name ? -1 : 1));
}
