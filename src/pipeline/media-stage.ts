/** Stage 1: from a manifest to the PVMC ISO that constructs its appliance. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { InstallationManifest } from '../manifest/installation-manifest.ts';
import type { Manifest } from '../manifest/schema.ts';
import { type BaseOptions, prepareBase } from '../media/base.ts';
import { DEFAULT_MIRROR } from '../media/debian.ts';
import { assembleIso, type Iso, type MediumFile } from '../media/iso.ts';
import { SUITE } from '../media/packages.ts';
import type { Resolution } from '../repository/resolve.ts';
import { counted } from '../system/counted.ts';
import { formatSize } from '../system/size.ts';
import { installationManifest, mediumFiles, type ReadAppliance } from './prepare.ts';
import type { StageOutcome, StageProgress } from './stage-runner.ts';
import { RELEASE_EPOCH } from './version.ts';

/** Everything that a medium is made of. */
export interface PlannedMedium {
  readonly resolution: Resolution;
  readonly installation: InstallationManifest;
  readonly files: readonly MediumFile[];
  readonly base: BaseOptions;
  readonly volumeId: string;
  readonly sourceDateEpoch: number;
}

export interface MediumSettings {
  readonly cacheFolder: string;
  readonly sourceDateEpoch: number;
}

export const RESOLVE_STEP = {
  name: 'resolve',
  title: 'Resolve the packages',
  index: 1,
  count: 3,
} as const;

export function planMedium(
  appliance: ReadAppliance,
  resolution: Resolution,
  { cacheFolder, sourceDateEpoch }: MediumSettings,
): PlannedMedium {
  const { manifest } = appliance.file;
  const installation = installationManifest(appliance, resolution, sourceDateEpoch);
  const constructorPath = CONSTRUCTOR_PATH;
  return {
    resolution,
    installation,
    files: mediumFiles(appliance, resolution, { installation, constructorPath }),
    base: {
      cacheFolder: join(cacheFolder, 'media'),
      mirror: baseMirror(manifest),
      // Its own, so that one base serves whatever SOURCE_DATE_EPOCH an appliance is built with.
      sourceDateEpoch: RELEASE_EPOCH,
    },
    volumeId: volumeId(manifest.name),
    sourceDateEpoch,
  };
}

export async function writeMedium(
  { resolution, files, base: baseOptions, volumeId: volume, sourceDateEpoch }: PlannedMedium,
  outputPath: string,
  progress: StageProgress,
): Promise<StageOutcome<Iso>> {
  progress.step({ name: 'base', title: 'Prepare the medium’s system', index: 2, count: 3 });
  const base = await prepareBase(baseOptions, progress);
  progress.step({ name: 'iso', title: 'Write the ISO', index: 3, count: 3 });
  const iso = await assembleIso(
    { base, outputPath, sourceDateEpoch, payload: files, volumeId: volume },
    progress,
  );
  const origin = base.cached ? 'base from the cache' : 'base built';
  return {
    value: iso,
    result: `${formatSize(iso.sizeBytes)}, ${origin}; ${packagesText(resolution)} to fetch`,
  };
}

/** `155 packages of 159 MiB`. */
function packagesText({ totals: { packageCount, downloadBytes } }: Resolution): string {
  return `${counted(packageCount, 'package')} of ${formatSize(downloadBytes)}`;
}

/** The medium is of one suite whatever the appliance is, and a mirror need not have both. */
export function baseMirror({ repository: { suite, mirror } }: Manifest): string {
  return suite === SUITE ? mirror : DEFAULT_MIRROR;
}

/** Bundled beside the program itself. */
const CONSTRUCTOR_PATH = fileURLToPath(new URL('constructor.js', import.meta.url));

/** What the medium of an appliance is called. */
export function volumeId(name: string): string {
  return `PVMC_${name.toUpperCase().replaceAll(/[^A-Z0-9]/g, '_')}`.slice(0, 32);
}
