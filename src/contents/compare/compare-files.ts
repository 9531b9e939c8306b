/** What changed in a tree of files: what came, what went, and of what stayed which properties differ. */
import { diskBroken, type Run } from '../byte-source.ts';
import type { FileEntry } from '../file-system.ts';
import type { FileTree } from '../packages.ts';
import { areEqual, type DifferingPages } from './compare-bytes.ts';

export type Aspect =
  | 'type'
  | 'content'
  | 'mode'
  | 'owner'
  | 'target'
  | 'device'
  | 'attributes'
  | 'time';

export interface FileChange {
  readonly path: string;
  readonly change: 'added' | 'removed' | 'changed';
  /** Of a changed one, what is different. */
  readonly aspects: readonly Aspect[];
  readonly old: FileEntry | undefined;
  readonly new: FileEntry | undefined;
}

export interface ComparedTree {
  readonly tree: FileTree;
  /** Where its partition begins on the disk. */
  readonly startBytes: number;
}

export interface TreeComparison {
  readonly old: ComparedTree;
  readonly new: ComparedTree;
  /** What of the disks differs; a file that lies elsewhere now is read. */
  readonly pages: DifferingPages;
  readonly signal: AbortSignal;
}

/** By path. @throws PvmcError `disk-invalid` */
export async function compareFiles(comparison: TreeComparison): Promise<readonly FileChange[]> {
  const [before, after] = [comparison.old.tree.entries, comparison.new.tree.entries];
  const changes: FileChange[] = [];
  for (const entry of before.values()) {
    if (after.has(entry.path)) continue;
    changes.push({ path: entry.path, change: 'removed', aspects: [], old: entry, new: undefined });
  }
  // As the files lie on the disk, nearly: reading goes forward then.
  const there = [...after.values()].sort((a, b) => a.identity - b.identity);
  const contents = new ContentComparer(comparison);
  for (const entry of there) {
    const old = before.get(entry.path);
    if (!old) {
      changes.push({ path: entry.path, change: 'added', aspects: [], old, new: entry });
      continue;
    }
    const aspects = await aspectsOf(old, entry, contents);
    if (aspects.length > 0) {
      changes.push({ path: entry.path, change: 'changed', aspects, old, new: entry });
    }
  }
  return changes.sort((a, b) => (a.path < b.path ? -1 : 1));
}

async function aspectsOf(
  old: FileEntry,
  now: FileEntry,
  contents: ContentComparer,
): Promise<readonly Aspect[]> {
  if (old.type !== now.type) return ['type'];
  const aspects: Aspect[] = [];
  if (now.type === 'file' && !(await contents.areSame(old, now))) aspects.push('content');
  if (old.mode !== now.mode) aspects.push('mode');
  if (old.owner !== now.owner) aspects.push('owner');
  if (old.target !== now.target) aspects.push('target');
  if (old.device !== now.device) aspects.push('device');
  if (!haveSameAttributes(old, now)) aspects.push('attributes');
  if (old.modifiedSeconds !== now.modifiedSeconds) aspects.push('time');
  return aspects;
}

function haveSameAttributes(old: FileEntry, now: FileEntry): boolean {
  const names = new Set([...Object.keys(old.attributes), ...Object.keys(now.attributes)]);
  return [...names].every((name) => old.attributes[name] === now.attributes[name]);
}

/** Of one that a hard link has made of several, each is compared with it. */
const MOST_READS = 4;

class ContentComparer {
  readonly #comparison: TreeComparison;
  /** A file of several names is compared once. */
  readonly #known = new Map<string, boolean>();
  /** Bytes that may be read yet: a hostile disk may say of millions of files that all of it is theirs. */
  #left: number;

  constructor(comparison: TreeComparison) {
    this.#comparison = comparison;
    const { old, new: now } = comparison;
    this.#left = MOST_READS * (old.tree.system.sizeBytes + now.tree.system.sizeBytes);
  }

  async areSame(old: FileEntry, now: FileEntry): Promise<boolean> {
    if (old.sizeBytes !== now.sizeBytes) return false;
    if (now.sizeBytes === 0) return true;
    const key = `${old.identity} ${now.identity}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const same = await this.#compare(old, now);
    this.#known.set(key, same);
    return same;
  }

  async #compare(old: FileEntry, now: FileEntry): Promise<boolean> {
    const { old: before, new: after } = this.#comparison;
    const runs = await before.tree.system.runs(old);
    const runsNow = await after.tree.system.runs(now);
    if (this.#areUntouched(runs, runsNow)) return true;
    for (const { lengthBytes } of [...runs, ...runsNow]) this.#left -= lengthBytes;
    if (this.#left < 0) throw diskBroken('a file system', 'many of its files have the same blocks');
    return this.#readBoth(old, now);
  }

  /** In the same place of both disks, where these do not differ. */
  #areUntouched(runs: readonly Run[], runsNow: readonly Run[]): boolean {
    const { old: before, new: after, pages } = this.#comparison;
    if (before.startBytes !== after.startBytes) return false;
    if (runs.length === 0 || runs.length !== runsNow.length) return false;
    return runs.every((one, index) => {
      const other = runsNow[index];
      return (
        one.at === other?.at &&
        one.from === other.from &&
        one.lengthBytes === other.lengthBytes &&
        !pages.touch(before.startBytes + one.from, one.lengthBytes)
      );
    });
  }

  async #readBoth(old: FileEntry, now: FileEntry): Promise<boolean> {
    const { old: before, new: after, signal } = this.#comparison;
    const [content, contentNow] = await Promise.all([
      before.tree.system.content(old),
      after.tree.system.content(now),
    ]);
    return areEqual(content, contentNow, signal);
  }
}
