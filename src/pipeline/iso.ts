/** `pvmc iso`: stage 1 alone. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { checksumName } from '../appliance/checksums.ts';
import { Releases } from '../system/releases.ts';
import { sha256Of } from '../system/sha256.ts';
import { cacheFolder } from './cache-folder.ts';
import { eventProgress } from './event-progress.ts';
import type { Emit, ExportedFile } from './events.ts';
import { limitsFor, wantedTimeouts } from './limits.ts';
import { planMedium, RESOLVE_STEP, writeMedium } from './media-stage.ts';
import { expectOurs } from './placed-files.ts';
import { mediumName, placeMedium } from './placed-medium.ts';
import { preflightMedium } from './preflight.ts';
import { readAppliance, resolveAppliance } from './prepare.ts';
import { sourceDateEpoch } from './source-date-epoch.ts';
import { StageRunner } from './stage-runner.ts';

export interface IsoOptions {
  readonly manifestPath: string;
  readonly outputFolder: string;
  readonly cacheFolder?: string | undefined;
}

export type IsoResult = Omit<ExportedFile, 'format'>;

/** Makes the medium of a manifest: `FOLDER/NAME-VERSION.iso`. @throws PvmcError */
export async function buildIso(
  options: IsoOptions,
  emit: Emit,
  signal: AbortSignal,
): Promise<IsoResult> {
  const appliance = await readAppliance(options.manifestPath);
  const cache = cacheFolder(options.cacheFolder);
  const folders = { outputFolder: resolve(options.outputFolder), cacheFolder: cache };
  await preflightMedium(appliance, folders, eventProgress(emit, signal));
  const settings = { cacheFolder: cache, sourceDateEpoch: sourceDateEpoch() };
  const outputFolder = resolve(options.outputFolder);
  const name = mediumName(appliance.file.manifest);
  for (const one of [name, checksumName(name)])
    await expectOurs({ folder: outputFolder, name: one });
  const timeouts = wantedTimeouts(appliance.file.manifest, {});
  const { media: limitSeconds } = limitsFor({ available: true }, timeouts);
  await using releases = new Releases();
  await mkdir(outputFolder, { recursive: true });
  const work = await mkdtemp(join(outputFolder, '.iso-'));
  releases.add(work, () => rm(work, { recursive: true, force: true }));
  const path = join(work, name);
  const { sizeBytes } = await new StageRunner(emit, signal).run(
    'media',
    { limitSeconds },
    async (progress) => {
      progress.step(RESOLVE_STEP);
      const resolution = await resolveAppliance(appliance, cache, progress);
      return writeMedium(planMedium(appliance, resolution, settings), path, progress);
    },
  );
  const sha256 = await sha256Of(path, signal);
  await placeMedium(path, { folder: outputFolder, name }, sha256);
  return { path: join(outputFolder, name), sizeBytes, sha256 };
}
