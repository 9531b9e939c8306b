/** `pvmc iso`: stage 1 alone. */
import { join, resolve } from 'node:path';
import { sha256Of } from '../system/sha256.ts';
import { cacheFolder } from './cache-folder.ts';
import type { Emit, ExportedFile } from './events.ts';
import { limitsFor } from './limits.ts';
import { makeMedium } from './media-stage.ts';
import { readAppliance } from './prepare.ts';
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
  const { name, version } = appliance.file.manifest;
  const request = {
    appliance,
    cacheFolder: cacheFolder(options.cacheFolder),
    outputPath: join(resolve(options.outputFolder), `${name}-${version}.iso`),
    sourceDateEpoch: sourceDateEpoch(),
  };
  const limitSeconds = limitsFor(true, {}).media;
  const { path, sizeBytes } = await new StageRunner(emit, signal).run(
    'media',
    { limitSeconds },
    (progress) => makeMedium(request, progress),
  );
  return { path, sizeBytes, sha256: await sha256Of(path, signal) };
}
