/** Where a build goes on: in a new folder, or in that of the last unfinished one. */
import { resolve } from 'node:path';
import { PvmcError } from '../system/error.ts';
import { withLock } from '../system/lock.ts';
import { quietProgress } from '../system/progress.ts';
import { type BuildFolder, makeBuildFolder, reopenBuildFolder } from './build-folder.ts';
import type { BuildOptions } from './build-options.ts';
import { type RecordedBuild, recordedBuilds } from './earlier-builds.ts';
import type { StageName } from './events.ts';
import { Journal } from './journal.ts';
import { inputsDigest } from './keys.ts';
import type { ReadAppliance } from './prepare.ts';
import { type BuildRecord, readRecord, stateOf } from './record.ts';
import { isBefore, type StageOrder } from './stage-order.ts';
import { removeLeftovers } from './tidy.ts';
import { PVMC_VERSION } from './version.ts';

export interface BegunBuild {
  readonly folder: BuildFolder;
  readonly journal: Journal;
  /** The folder is that of a build that was cut off. */
  readonly resumed: boolean;
  /** All other builds of the output folder, the newest first. */
  readonly earlier: readonly RecordedBuild[];
}

/** @throws PvmcError `nothing-to-resume`, `build-running`; what making the folder throws */
export async function beginBuild(
  options: BuildOptions,
  { appliance, order }: { readonly appliance: ReadAppliance; readonly order: StageOrder },
  signal: AbortSignal,
): Promise<BegunBuild> {
  const outputFolder = resolve(options.outputFolder);
  const { manifest, text } = appliance.file;
  const earlier = await recordedBuilds(outputFolder);
  const inputs = await inputsDigest(appliance, signal);
  if (options.reuse === 'resume') {
    const last = earlier.find(({ record }) => record.appliance === manifest.name);
    if (last === undefined)
      throw nothingToResume(`no build of ${manifest.name} is in ${outputFolder}`);
    return takeUp(last, { options, appliance, order, inputs, earlier, signal });
  }
  const folder = await makeBuildFolder({
    outputFolder,
    appliance: manifest.name,
    version: manifest.version,
    manifestText: text,
    now: new Date(),
  });
  const record = recordOf(folder, options, { appliance, inputs });
  const { redoFrom } = order;
  const journal = await Journal.begin(folder.path, { ...record, redoFrom, stages: {} });
  return { folder, journal, resumed: false, earlier };
}

interface TakingUp {
  readonly options: BuildOptions;
  readonly appliance: ReadAppliance;
  readonly order: StageOrder;
  readonly inputs: string;
  readonly earlier: readonly RecordedBuild[];
  readonly signal: AbortSignal;
}

/** Two that take up the same build at the same time: the second one finds it running. */
function takeUp(
  { path }: RecordedBuild,
  { options, appliance, order, inputs, earlier, signal }: TakingUp,
): Promise<BegunBuild> {
  return withLock(path, quietProgress(signal), async () => {
    const record = await readRecord(path);
    if (!record) throw nothingToResume(`${path} has just been removed`);
    const state = await stateOf(record);
    if (state === 'running') throw buildRunning(record.build, record.owner.processId);
    if (state === 'succeeded') throw nothingToResume(`the last build, ${record.build}, succeeded`);
    await removeLeftovers(path);
    const folder = await reopenBuildFolder(path, appliance.file.text);
    const fresh = recordOf(folder, options, { appliance, inputs });
    const before = finishedBefore(record, order.redoFrom);
    const journal = await Journal.begin(path, { ...fresh, ...before });
    const others = earlier.filter((build) => build.path !== path);
    return { folder, journal, resumed: true, earlier: others };
  });
}

/** What the build has done so far, but for what is to be done again. */
function finishedBefore(record: BuildRecord, redoFrom: StageName | undefined) {
  const { stages, checkpoint } = record;
  if (redoFrom === undefined) return { redoFrom: record.redoFrom, stages, checkpoint };
  const kept = Object.entries(stages).filter(([stage]) => isBefore(stage as StageName, redoFrom));
  return {
    redoFrom,
    stages: Object.fromEntries(kept),
    checkpoint: isBefore('construct', redoFrom) ? checkpoint : undefined,
  };
}

function recordOf(
  folder: BuildFolder,
  options: BuildOptions,
  { appliance, inputs }: Pick<TakingUp, 'appliance' | 'inputs'>,
): Omit<Parameters<typeof Journal.begin>[1], 'stages'> {
  const { manifest } = appliance.file;
  const { memory, cpus, firmware, disk } = manifest.machine;
  return {
    pvmc: PVMC_VERSION,
    build: folder.name,
    appliance: manifest.name,
    applianceVersion: manifest.version,
    manifestPath: resolve(options.manifestPath),
    outputFolder: resolve(options.outputFolder),
    inputs,
    machine: { memoryBytes: memory, cpus, firmware, diskBytes: disk },
    keep: options.keep,
  };
}

function nothingToResume(why: string): PvmcError {
  return new PvmcError({
    kind: 'usage',
    code: 'nothing-to-resume',
    message: `there is no unfinished build: ${why}`,
    hint: 'Leave --resume out: a new build uses what earlier ones have done.',
  });
}

/** A build that is running is left alone. */
export function buildRunning(build: string, processId: number): PvmcError {
  return new PvmcError({
    kind: 'host',
    code: 'build-running',
    message: `the build ${build} is running (process ${processId})`,
    hint: 'Wait for it, or end it.',
  });
}
