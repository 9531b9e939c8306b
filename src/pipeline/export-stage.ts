/** Stage 6: the exports are taken from an earlier build, or written; neither goes beyond the budget. */
import { join, relative } from 'node:path';
import { checksumName } from '../appliance/checksums.ts';
import { type ExportedFile, type ExportSizes, exportAppliance } from '../appliance/export.ts';
import type { Signer } from '../appliance/signature/signer.ts';
import type { Manifest } from '../manifest/schema.ts';
import { formatSize } from '../system/size.ts';
import { budgetExceeded, overBudget, requireDataInBudget } from './budget.ts';
import type { BuildFolder } from './build-folder.ts';
import type { FinishedStages } from './finished-stages.ts';
import { outputOf } from './outputs.ts';
import { baseName, place } from './placed-files.ts';
import type { StageOutcome, StageProgress, StageRunner } from './stage-runner.ts';

export interface ExportStage {
  readonly manifest: Manifest;
  readonly folder: BuildFolder;
  readonly sourceDateEpoch: number;
  readonly signer: Signer | undefined;
  readonly limitSeconds: number;
  readonly finished: FinishedStages;
  readonly runner: StageRunner;
}

export interface TakenExports {
  /** The build that had made them. */
  readonly build: string;
  readonly result: string;
  readonly sizes: ExportSizes;
}

/** Those of an earlier build, if there are any and it is known whether they keep to the budget. */
export async function takeExports(
  { manifest, folder, finished }: ExportStage,
  key: string,
): Promise<TakenExports | undefined> {
  const taken = await finished.take('export', key);
  if (!taken) return undefined;
  const { result, dataBytes, files } = taken.finished;
  if (manifest.budget?.['disk-data'] !== undefined && dataBytes === undefined) return undefined;
  const exported = files.map(({ format, output, sha256 }) => ({
    format,
    path: join(folder.path, output.path),
    sizeBytes: output.sizeBytes,
    sha256,
  }));
  return { build: taken.build, result, sizes: { files: exported, dataBytes: dataBytes ?? 0 } };
}

/**
 * Says that they are taken.
 * @param disk what takes the space is read from the disk that they were made of, if that is there
 * @throws PvmcError `budget-exceeded` for exports that another budget had allowed
 */
export async function reuseExports(
  { manifest, runner, limitSeconds }: ExportStage,
  { build, result, sizes }: TakenExports,
  disk: string | undefined,
): Promise<readonly ExportedFile[]> {
  const { files } = sizes;
  const over = overBudget(manifest.budget, sizes);
  if (over.length > 0) {
    await runner.run('export', { limitSeconds }, async (progress) => {
      throw await budgetExceeded(over, disk ?? files[0]?.path ?? '', progress);
    });
  }
  runner.reuse('export', build, result);
  return files;
}

/** @throws PvmcError `budget-exceeded`; what exportAppliance throws */
export async function writeExports(
  stage: ExportStage,
  key: string,
): Promise<readonly ExportedFile[]> {
  const { folder, finished, runner, limitSeconds } = stage;
  await finished.begin('export');
  const { files: exported, dataBytes } = await runner.run('export', { limitSeconds }, (progress) =>
    write(stage, progress),
  );
  const files = exported.map(async ({ format, path, sha256 }) => {
    const output = await outputOf(folder.path, path);
    const checksum = await outputOf(folder.path, checksumName(path));
    return { format, sha256, output, checksum };
  });
  await finished.finish('export', { key, files: await Promise.all(files), dataBytes });
  return exported;
}

/** Gives the exports that have passed their names in the output folder, over those of earlier builds. */
export async function placeExports(
  files: readonly ExportedFile[],
  { exportFolder }: BuildFolder,
  outputFolder: string,
): Promise<readonly ExportedFile[]> {
  const placed: ExportedFile[] = [];
  for (const file of files) {
    const name = relative(exportFolder, file.path);
    await place(file.path, { folder: outputFolder, name });
    await place(checksumName(file.path), { folder: outputFolder, name: checksumName(name) });
    placed.push({ ...file, path: join(outputFolder, name) });
  }
  return placed;
}

async function write(
  { manifest, folder, sourceDateEpoch, signer }: ExportStage,
  progress: StageProgress,
): Promise<StageOutcome<ExportSizes>> {
  const { exportFolder, diskPath } = folder;
  await requireDataInBudget(manifest.budget, diskPath, progress);
  let dataBytes = 0;
  const files = await exportAppliance(
    {
      manifest,
      baseName: baseName(manifest),
      sourceDateEpoch,
      outputFolder: exportFolder,
      diskPath,
      diskFormat: 'raw',
      formats: manifest.exports,
      signer,
      accept: async (written) => {
        dataBytes = written.dataBytes;
        const over = overBudget(manifest.budget, written);
        if (over.length > 0) throw await budgetExceeded(over, diskPath, progress);
      },
    },
    progress,
  );
  const sizes = files.map(
    ({ path, sizeBytes }) => `${relative(exportFolder, path)}, ${formatSize(sizeBytes)}`,
  );
  return { value: { files, dataBytes }, result: sizes.join('; ') };
}
