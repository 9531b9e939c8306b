/** The builds of an output folder, and what of them can be used again. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { systemCodeOf } from '../system/error.ts';
import { BUILDS_FOLDER } from './build-folder.ts';
import { isIntact, share } from './outputs.ts';
import { type BuildRecord, type Output, readRecord, type StageRecords } from './record.ts';

export interface RecordedBuild {
  /** Its folder. */
  readonly path: string;
  readonly record: BuildRecord;
}

/** All builds that have a record, the newest first. */
export async function recordedBuilds(outputFolder: string): Promise<RecordedBuild[]> {
  const parent = join(outputFolder, BUILDS_FOLDER);
  const paths = (await namesIn(parent)).map((name) => join(parent, name));
  const records = await Promise.all(paths.map(readRecord));
  return records
    .flatMap((record, index) => (record ? [{ path: paths[index] ?? '', record }] : []))
    .sort((a, b) => b.record.began.localeCompare(a.record.began));
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (thrown) {
    if (['ENOENT', 'ENOTDIR'].includes(systemCodeOf(thrown) ?? '')) return [];
    throw thrown;
  }
}

export type RecordedStage = keyof StageRecords;
type Finished<S extends RecordedStage> = NonNullable<StageRecords[S]>;

export interface Taken<T> {
  readonly build: string;
  readonly finished: T;
}

/**
 * Takes a stage with this key from the newest build that has it whole: its files are shared into
 * `folder`, under the same names. Undefined when no build has it.
 */
export async function takeStage<S extends RecordedStage>(
  builds: readonly RecordedBuild[],
  { stage, key, folder }: { readonly stage: S; readonly key: string; readonly folder: string },
): Promise<Taken<Finished<S>> | undefined> {
  for (const { path, record } of builds) {
    const finished = record.stages[stage] as Finished<S> | undefined;
    if (finished?.key !== key) continue;
    if (await takeFiles(outputsOf(finished), path, folder))
      return { build: record.build, finished };
  }
  return undefined;
}

/** Takes the checkpoint with this key, as `takeStage` does a stage. */
export async function takeCheckpoint(
  builds: readonly RecordedBuild[],
  { key, folder }: { readonly key: string; readonly folder: string },
): Promise<Taken<NonNullable<BuildRecord['checkpoint']>> | undefined> {
  for (const { path, record } of builds) {
    const { checkpoint, build } = record;
    if (checkpoint?.key !== key) continue;
    if (await takeFiles([checkpoint.disk], path, folder)) return { build, finished: checkpoint };
  }
  return undefined;
}

/** The files that a finished stage left. */
export function outputsOf(finished: Finished<RecordedStage>): readonly Output[] {
  if ('medium' in finished) return [finished.medium];
  if ('disk' in finished) return [finished.disk];
  if ('files' in finished)
    return finished.files.flatMap(({ output, checksum }) =>
      checksum ? [output, checksum] : [output],
    );
  return [];
}

/** Whether all were as they had been recorded, and are now in `to`, which may be the same folder. */
async function takeFiles(outputs: readonly Output[], from: string, to: string): Promise<boolean> {
  for (const output of outputs) {
    if (!(await isIntact(from, output))) return false;
    if (from === to) continue;
    try {
      await share(join(from, output.path), join(to, output.path));
    } catch (thrown) {
      // The other build has just been removed.
      if (systemCodeOf(thrown) === 'ENOENT') return false;
      throw thrown;
    }
  }
  return true;
}
