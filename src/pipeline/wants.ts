/** What a build of a manifest wants of this computer, for the checks of the preflight. */
import { join } from 'node:path';
import type { Manifest } from '../manifest/schema.ts';
import { hasSomeBase } from '../media/base.ts';
import { temporaryParent } from '../media/work-folder.ts';
import type { SpaceNeeds } from '../preflight/predict-space.ts';
import type { Wants } from '../preflight/preflight.ts';
import { spaceOf } from '../repository/disk.ts';
import type { PackageTotals } from '../repository/resolve.ts';
import type { ReadAppliance } from './prepare.ts';

export interface RunFolders {
  readonly outputFolder: string;
  readonly cacheFolder: string;
}

export async function wantsOf(
  { machine }: Manifest,
  { outputFolder, cacheFolder }: RunFolders,
): Promise<Wants> {
  return {
    folders: { output: outputFolder, cache: cacheFolder, temporary: temporaryParent() },
    diskBytes: machine.disk,
    memoryBytes: machine.memory,
    base: (await hasSomeBase(join(cacheFolder, 'media'))) ? 'cached' : 'to-be-made',
  };
}

/** @param totals of the packages; a guess before they are resolved. */
export function spaceNeeds(
  { file: { manifest }, payload }: ReadAppliance,
  totals: Omit<PackageTotals, 'packageCount'>,
): Omit<SpaceNeeds, 'base' | 'verify' | 'checkpoint'> {
  return { ...spaceOf(totals, payload), formats: manifest.exports };
}
