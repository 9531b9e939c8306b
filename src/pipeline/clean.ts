/** `pvmc clean`: removes builds by name, age or size. One that runs is never touched. */
import { rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { PvmcError } from '../system/error.ts';
import { withLock } from '../system/lock.ts';
import { quietProgress } from '../system/progress.ts';
import { findBuild, type KeptBuild, keptBuilds } from './kept-builds.ts';
import { readRecord, stateOf } from './record.ts';

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

export interface CleanReport {
  readonly removed: readonly KeptBuild[];
  /** Were meant, but run. */
  readonly running: readonly KeptBuild[];
  readonly freedBytes: number;
}

/** @throws PvmcError `nothing-selected`; what `findBuild` throws */
export async function cleanBuilds(
  options: CleanOptions,
  signal: AbortSignal,
): Promise<CleanReport> {
  const kept = await keptBuilds(options.outputFolder);
  const meant = await selected(kept, options);
  const running = meant.filter(({ state }) => state === 'running');
  const removed: KeptBuild[] = [];
  for (const build of meant) {
    signal.throwIfAborted();
    if (build.state === 'running') continue;
    if (options.action === 'remove' && !(await remove(build, signal))) continue;
    removed.push(build);
  }
  return { removed, running, freedBytes: sum(removed) };
}

async function selected(kept: readonly KeptBuild[], options: CleanOptions): Promise<KeptBuild[]> {
  const { outputFolder, builds, olderThanSeconds, downToBytes, selection } = options;
  if (selection === 'all') return [...kept];
  if (builds.length === 0 && olderThanSeconds === undefined && downToBytes === undefined)
    throw nothingSelected();
  const named = await Promise.all(builds.map((given) => findBuild(outputFolder, given)));
  const meant = new Set(named.map(({ record }) => record.build));
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
async function remove({ folder }: KeptBuild, signal: AbortSignal): Promise<boolean> {
  const doomed = join(dirname(folder), `.removing-${process.pid}`);
  const moved = await withLock(folder, quietProgress(signal), async () => {
    const record = await readRecord(folder);
    if (!record || (await stateOf(record)) === 'running') return false;
    await rename(folder, doomed);
    return true;
  });
  if (moved) await rm(doomed, { recursive: true, force: true });
  return moved;
}

function sum(builds: readonly KeptBuild[]): number {
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
