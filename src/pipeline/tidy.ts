/**
 * What stays of a build when it is over. The logs always do; what is large (the disk, its checkpoint, the
 * medium, the exports' second names) stays as long as a next build may start from it.
 */
import { existsSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { buildFolderPaths } from './build-folder.ts';
import type { KeepPolicy } from './build-options.ts';
import type { RecordedBuild } from './earlier-builds.ts';
import type { BuildOutcome } from './journal.ts';
import { stateOf } from './record.ts';

export interface Ended {
  readonly path: string;
  readonly keep: KeepPolicy;
  readonly outcome: BuildOutcome;
  /** The disk is as the constructor left it after all its steps. */
  readonly constructed: boolean;
}

/** Removes from a build's folder what its policy does not keep. */
export async function tidy({ path, keep, outcome, constructed }: Ended): Promise<void> {
  const unwanted = keep === 'never' || (keep === 'failed' && outcome === 'succeeded');
  // The medium and the exports take no room of their own.
  if (unwanted) return removeDisks(path);
  // Who interrupts a build has seen enough of its machine, and half a disk is good for nothing else.
  if (outcome === 'interrupted' && !constructed && keep !== 'always')
    await rm(buildFolderPaths(path).diskPath, { force: true });
}

/** Removes all that is large. The record stays, and no longer finds what it speaks of. */
async function removeLarge(path: string): Promise<void> {
  await removeDisks(path);
  const { mediumPath, exportFolder } = buildFolderPaths(path);
  await rm(mediumPath, { force: true });
  await rm(exportFolder, { recursive: true, force: true });
}

async function removeDisks(path: string): Promise<void> {
  const { diskPath, checkpointPath } = buildFolderPaths(path);
  for (const file of [diskPath, checkpointPath]) await rm(file, { force: true });
  await removeLeftovers(path);
}

/** Removes what a killed run was in the middle of. */
export async function removeLeftovers(path: string): Promise<void> {
  const { mediumPath, verifyFolder } = buildFolderPaths(path);
  const started = (await readdir(path).catch(() => [])).filter(
    (name) => /\.(?:partial|part|new)$/.test(name) || name.startsWith(`.${basename(mediumPath)}-`),
  );
  for (const name of started) await rm(join(path, name), { recursive: true, force: true });
  await rm(join(verifyFolder, 'disk.raw'), { force: true });
}

export interface Superseding {
  /** The ended build's folder. */
  readonly path: string;
  readonly appliance: string;
  readonly outcome: BuildOutcome;
}

/**
 * Removes from older builds of the same appliance what the ended one takes the place of. Of a success that is
 * all that is large; of a failure that has a disk those of older failures, while a success and whatever
 * checkpoint there is are still the best to start from.
 */
export async function supersede(
  older: readonly RecordedBuild[],
  { path: own, appliance, outcome }: Superseding,
): Promise<void> {
  const hasDisk = existsSync(buildFolderPaths(own).diskPath);
  for (const { path, record } of older) {
    if (record.appliance !== appliance || record.keep === 'always') continue;
    const state = await stateOf(record);
    if (state === 'running') continue;
    if (outcome === 'succeeded') await removeLarge(path);
    else if (outcome === 'failed' && hasDisk && state === 'failed')
      await rm(buildFolderPaths(path).diskPath, { force: true });
  }
}
