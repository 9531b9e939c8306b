/** `pvmc clean`: removes builds and verifications by name, age or size. One that runs is never touched. */
import { rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { PvmcError } from '../system/error.ts';
import { withLock } from '../system/lock.ts';
import { quietProgress } from '../system/progress.ts';
import { findKept, type KeptBuild, type KeptVerification, keptBuilds } from './kept-builds.ts';
import { readRecord, stateOf } from './record.ts';
import { readVerification } from './verification-record.ts';

export interface CleanOptions {
  readonly outputFolder: string;
  /** Builds as a user names them. */
  readonly builds: readonly string[];
  /** All that began longer ago. */
  readonly olderThanSeconds?: number | undefined;
  /** The oldest, until all together take no more. */
  readonly downToBytes?: number | undefined;
  readonly selection: 'named' | 'all';
  readonly action: 'remove' | 'tell';
}

/** Whatever a folder of `builds/` may be. */
type Removable = KeptBuild | KeptVerification;

export interface CleanReport {
  readonly removed: readonly Removable[];
  /** Were meant, but run. */
  readonly running: readonly Removable[];
  readonly freedBytes: number;
}

/** @throws PvmcError `nothing-selected`; what `findKept` throws */
export async function cleanBuilds(
  options: CleanOptions,
  signal: AbortSignal,
): Promise<CleanReport> {
  const kept = await keptBuilds(options.outputFolder);
  const meant = selected(kept, options);
  const running = meant.filter(({ state }) => state === 'running');
  const removed: Removable[] = [];
  for (const build of meant) {
    signal.throwIfAborted();
    if (build.state === 'running') continue;
    if (options.action === 'remove' && !(await remove(build, signal))) continue;
    removed.push(build);
  }
  return { removed, running, freedBytes: sum(removed) };
}

function selected(kept: readonly Removable[], options: CleanOptions): Removable[] {
  const { outputFolder, builds, olderThanSeconds, downToBytes, selection } = options;
  if (selection === 'all') return [...kept];
  if (builds.length === 0 && olderThanSeconds === undefined && downToBytes === undefined)
    throw nothingSelected();
  const named = builds.map((given) => findKept(kept, given, outputFolder));
  const meant = new Set(named.map(({ build }) => build));
  if (olderThanSeconds !== undefined) {
    for (const { build, ageSeconds } of kept) if (ageSeconds > olderThanSeconds) meant.add(build);
  }
  if (downToBytes !== undefined) {
    const left = kept.filter(({ build }) => !meant.has(build));
    for (let oldest = left.at(-1); oldest && sum(left) > downToBytes; oldest = left.at(-1)) {
      meant.add(oldest.build);
      left.pop();
    }
  }
  return kept.filter(({ build }) => meant.has(build));
}

/** Whether it is gone; it may have been taken up again meanwhile. */
async function remove({ folder }: Removable, signal: AbortSignal): Promise<boolean> {
  const doomed = join(dirname(folder), `.removing-${process.pid}`);
  const moved = await withLock(folder, quietProgress(signal), async () => {
    const record = (await readRecord(folder)) ?? (await readVerification(folder));
    if (!record || (await stateOf(record)) === 'running') return false;
    await rename(folder, doomed);
    return true;
  });
  if (moved) await rm(doomed, { recursive: true, force: true });
  return moved;
}

function sum(builds: readonly Removable[]): number {
  return builds.reduce((total, { sizeBytes }) => total + sizeBytes, 0);
}

function nothingSelected(): PvmcError {
  return new PvmcError({
    kind: 'usage',
    code: 'nothing-selected',
    message: 'pvmc clean removes only what it is told to',
    hint: 'Name builds, or give --older-than 7d, --down-to 20GiB or --all. pvmc builds lists them.',
  });
}
