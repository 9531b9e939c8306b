/** Stage 1: from a manifest to the PVMC ISO that constructs its appliance. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Manifest } from '../manifest/schema.ts';
import { prepareBase } from '../media/base.ts';
import { DEFAULT_MIRROR } from '../media/debian.ts';
import { assembleIso, type Iso } from '../media/iso.ts';
import { SUITE } from '../media/packages.ts';
import { formatSize } from '../system/size.ts';
import { mediumFiles, type ReadAppliance, resolveAppliance } from './prepare.ts';
import type { StageOutcome, StageProgress } from './stage-runner.ts';
import { RELEASE_EPOCH } from './version.ts';

export interface MediaOptions {
  readonly appliance: ReadAppliance;
  readonly cacheFolder: string;
  readonly outputPath: string;
  readonly sourceDateEpoch: number;
}

export async function makeMedium(
  options: MediaOptions,
  progress: StageProgress,
): Promise<StageOutcome<Iso>> {
  const { appliance, cacheFolder, outputPath, sourceDateEpoch } = options;
  const { manifest } = appliance.file;
  progress.step({ name: 'resolve', title: 'Resolve the packages', index: 1, count: 3 });
  const resolution = await resolveAppliance(appliance, cacheFolder, progress);
  progress.step({ name: 'base', title: 'Prepare the medium’s system', index: 2, count: 3 });
  const base = await prepareBase(
    {
      cacheFolder: join(cacheFolder, 'media'),
      mirror: baseMirror(manifest),
      // Its own, so that one base serves whatever SOURCE_DATE_EPOCH an appliance is built with.
      sourceDateEpoch: RELEASE_EPOCH,
    },
    progress,
  );
  progress.step({ name: 'iso', title: 'Write the ISO', index: 3, count: 3 });
  const settings = { sourceDateEpoch, constructorPath: CONSTRUCTOR_PATH };
  const iso = await assembleIso(
    {
      base,
      outputPath,
      sourceDateEpoch,
      payload: mediumFiles(appliance, resolution, settings),
      volumeId: volumeId(manifest.name),
    },
    progress,
  );
  const { packageCount, downloadBytes } = resolution.totals;
  const origin = base.cached ? 'base from the cache' : 'base built';
  return {
    value: iso,
    result: `${formatSize(iso.sizeBytes)}, ${origin}; ${packageCount} packages of ${formatSize(downloadBytes)} to fetch`,
  };
}

/** The medium is of one suite whatever the appliance is, and a mirror need not have both. */
export function baseMirror({ repository: { suite, mirror } }: Manifest): string {
  return suite === SUITE ? mirror : DEFAULT_MIRROR;
}

/** Bundled beside the program itself. */
const CONSTRUCTOR_PATH = fileURLToPath(new URL('constructor.js', import.meta.url));

function volumeId(name: string): string {
  return `PVMC_${name.toUpperCase().replaceAll(/[^A-Z0-9]/g, '_')}`.slice(0, 32);
}
