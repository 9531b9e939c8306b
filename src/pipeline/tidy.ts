/**
 * What stays of a build when it is over. The logs always do; what is large (the medium, the disk, its
 * checkpoint, the exports' second names) stays as long as a next build may start from it.
 */
import { rm } from 'node:fs/promises';
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
  if (unwanted) return removeLarge(path);
  // Who interrupts a build has seen enough of its machine, and half a disk is good for nothing else.
  if (outcome === 'interrupted' && !constructed && keep !== 'always')
    await rm(buildFolderPaths(path).diskPath, { force: true });
}

/** Removes all that is large. The record stays, and no longer finds what it speaks of. */
export async function removeLarge(path: string): Promise<void> {
  const { mediumPath, diskPath, checkpointPath, exportFolder } = buildFolderPaths(path);
  for (const file of [mediumPath, diskPath, checkpointPath]) await rm(file, { force: true });
  await rm(exportFolder, { recursive: true, force: true });
}

/**
 * Removes from older builds of the same appliance what the ended one takes the place of. Of a success that is
 * all that is large; of a failure the disks of older failures, while a success and whatever checkpoint
 * there is are still the best to start from.
 */
export async function supersede(
  older: readonly RecordedBuild[],
  { appliance, outcome }: { readonly appliance: string; readonly outcome: BuildOutcome },
): Promise<void> {
  for (const { path, record } of older) {
    if (record.appliance !== appliance || record.keep === 'always') continue;
    const state = await stateOf(record);
    if (state === 'running') continue;
    if (outcome === 'succeeded') await removeLarge(path);
    else if (outcome === 'failed' && state === 'failed')
      await rm(buildFolderPaths(path).diskPath, { force: true });
  }
}
