/** The seven stages, in order: from a manifest to an appliance that was seen to boot. */
import { rename } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { type ExportRequest, exportAppliance } from '../appliance/export.ts';
import { qemuHypervisor } from '../hypervisors/qemu/hypervisor.ts';
import { presentable } from '../system/defects.ts';
import { secondsSince } from '../system/elapsed.ts';
import { messageOf } from '../system/error.ts';
import { Releases } from '../system/releases.ts';
import { commandLine } from '../system/run.ts';
import { formatSize } from '../system/size.ts';
import { type BuildFolder, closeBuildFolder, makeBuildFolder } from './build-folder.ts';
import type { BuildOptions } from './build-options.ts';
import { cacheFolder } from './cache-folder.ts';
import { constructAppliance } from './construct-stages.ts';
import type { BuildEvent, BuildResult, Emit, ExportedFile } from './events.ts';
import { describeFailure } from './failure.ts';
import { expectedSeconds, remember } from './history.ts';
import { limitsFor, slowLine } from './limits.ts';
import { makeMedium } from './media-stage.ts';
import { type ReadAppliance, readAppliance } from './prepare.ts';
import { sourceDateEpoch } from './source-date-epoch.ts';
import { type StageOutcome, type StageProgress, StageRunner } from './stage-runner.ts';
import { verifyExport } from './verify-stage.ts';

/**
 * Builds an appliance.
 * @throws PvmcError; when the build has begun, the event `build-failed` says the same and more first.
 */
export async function buildAppliance(
  options: BuildOptions,
  emit: Emit,
  signal: AbortSignal,
): Promise<BuildResult> {
  const appliance = await readAppliance(options.manifestPath);
  const { manifest, text } = appliance.file;
  const folder = await makeBuildFolder({
    outputFolder: resolve(options.outputFolder),
    appliance: manifest.name,
    version: manifest.version,
    manifestText: text,
    now: new Date(),
  });
  return new Build(options, { appliance, folder, emit, signal }).run();
}

interface Circumstances {
  readonly appliance: ReadAppliance;
  readonly folder: BuildFolder;
  readonly emit: Emit;
  readonly signal: AbortSignal;
}

/** Who interrupts a build has seen enough of it: its disk is not kept. */
type Outcome = 'succeeded' | 'failed' | 'interrupted';

class Build {
  readonly #options: BuildOptions;
  readonly #circumstances: Circumstances;
  readonly #stages: StageRunner;
  readonly #releases: Releases;
  readonly #started = performance.now();
  /** The guest's last words, the latest at the end. */
  readonly #guestLines: string[] = [];

  constructor(options: BuildOptions, circumstances: Circumstances) {
    const { folder, emit, signal } = circumstances;
    this.#options = options;
    this.#circumstances = circumstances;
    this.#stages = new StageRunner((event) => this.#tell(event), signal);
    this.#releases = new Releases((what, failure) => {
      emit({ type: 'notice', line: `${what} could not be given back: ${messageOf(failure)}` });
      folder.log.write(`${what} could not be given back: ${messageOf(failure)}\n`);
    });
  }

  async run(): Promise<BuildResult> {
    const { folder, emit, signal } = this.#circumstances;
    let outcome: Outcome = 'failed';
    try {
      const files = await this.#build();
      await this.#releases.releaseAll();
      const result = this.#result(files);
      outcome = 'succeeded';
      this.#tell({ type: 'build-finished', result });
      return result;
    } catch (thrown) {
      await this.#releases.releaseAll();
      const error = presentable(thrown, signal);
      if (error.kind === 'interrupted') outcome = 'interrupted';
      const failure = await describeFailure(error, {
        folder,
        stages: this.#stages,
        guestLines: this.#guestLines,
        repeat: repeatCommand(this.#options),
      });
      this.#tell({ type: 'build-failed', failure });
      throw error;
    } finally {
      await this.#putAway(outcome).catch((thrown: unknown) => {
        emit({ type: 'notice', line: `${folder.path} could not be tidied: ${messageOf(thrown)}` });
      });
    }
  }

  async #build(): Promise<readonly ExportedFile[]> {
    const { appliance, folder } = this.#circumstances;
    const { manifest } = appliance.file;
    const cache = cacheFolder(this.#options.cacheFolder);
    const hypervisor = qemuHypervisor();
    const { acceleration } = await hypervisor.capabilities();
    const limits = limitsFor(acceleration.available, this.#options.timeouts);
    const baseName = `${manifest.name}-${manifest.version}`;
    const outputFolder = resolve(this.#options.outputFolder);
    const mediumPath = join(outputFolder, `${baseName}.iso`);
    const epoch = sourceDateEpoch();
    // Builds of one manifest on one kind of machine take alike.
    const speed = acceleration.available ? 'accelerated' : 'emulated';
    const historyKey = `${manifest.name} ${manifest.packages.length} ${speed}`;
    this.#tell({
      type: 'build-started',
      build: folder.name,
      folder: folder.path,
      appliance: manifest.name,
      version: manifest.version,
      expectedSeconds: await expectedSeconds(cache, historyKey),
    });
    if (!acceleration.available) this.#tell({ type: 'notice', line: slowLine(acceleration.why) });

    const medium = await this.#stages.run('media', { limitSeconds: limits.media }, (progress) =>
      makeMedium(
        { appliance, cacheFolder: cache, outputPath: mediumPath, sourceDateEpoch: epoch },
        progress,
      ),
    );
    await constructAppliance({
      manifest,
      folder,
      hypervisor,
      limits,
      mediumPath: medium.path,
      stages: this.#stages,
      releases: this.#releases,
    });
    const files = await this.#stages.run('export', { limitSeconds: limits.export }, (progress) =>
      this.#export({ baseName, sourceDateEpoch: epoch }, progress),
    );
    if (this.#options.verify) {
      const { verify: limitSeconds } = limits;
      const { silence: silenceSeconds } = this.#options.timeouts;
      const workFolder = folder.verifyFolder;
      const request = { files, manifest, hypervisor, workFolder, silenceSeconds };
      await this.#stages.run('verify', { limitSeconds }, (progress) =>
        verifyExport(request, progress),
      );
    }
    const placed = await putInPlace(files, outputFolder);
    await remember(cache, historyKey, this.#stages.seconds).catch(() => {});
    return placed;
  }

  async #export(
    names: Pick<ExportRequest, 'baseName' | 'sourceDateEpoch'>,
    progress: StageProgress,
  ): Promise<StageOutcome<readonly ExportedFile[]>> {
    const { appliance, folder } = this.#circumstances;
    const { manifest } = appliance.file;
    const files = await exportAppliance(
      {
        ...names,
        manifest,
        outputFolder: folder.exportFolder,
        diskPath: folder.diskPath,
        diskFormat: 'raw',
        formats: manifest.exports,
      },
      progress,
    );
    const result = files.map(
      ({ path, sizeBytes }) => `${basename(path)}, ${formatSize(sizeBytes)}`,
    );
    return { value: files, result: result.join('; ') };
  }

  #result(files: readonly ExportedFile[]): BuildResult {
    const { folder } = this.#circumstances;
    return {
      build: folder.name,
      folder: folder.path,
      files,
      stageSeconds: this.#stages.seconds,
      seconds: secondsSince(this.#started),
      verified: this.#options.verify,
    };
  }

  async #putAway(outcome: Outcome): Promise<void> {
    const { keep } = this.#options;
    const keepDisk = keep === 'always' || (keep === 'failed' && outcome === 'failed');
    await closeBuildFolder(this.#circumstances.folder, keepDisk);
  }

  #keep(line: string): void {
    this.#guestLines.push(line);
    if (this.#guestLines.length > KEPT_GUEST_LINES) this.#guestLines.shift();
  }

  /** Everything that is said goes to the build's own log too. */
  #tell(event: BuildEvent): void {
    const { folder, emit } = this.#circumstances;
    const line = logLine(event);
    const seconds = secondsSince(this.#started).toFixed(1);
    if (line !== undefined) folder.log.write(`${seconds.padStart(7)} ${line}\n`);
    if (event.type === 'log' && this.#stages.stage === 'construct') this.#keep(event.line);
    emit(event);
  }
}

/** As many as the failure's screen has room for. */
const KEPT_GUEST_LINES = 12;

/** Gives the files that have passed their names, over those of earlier builds. */
async function putInPlace(
  files: readonly ExportedFile[],
  folder: string,
): Promise<readonly ExportedFile[]> {
  const placed = files.map((file) => ({ ...file, path: join(folder, basename(file.path)) }));
  for (const [index, { path }] of placed.entries()) await rename(files[index]?.path ?? '', path);
  return placed;
}

/** What to type for the same build again. */
function repeatCommand(options: BuildOptions): string {
  const { manifestPath, outputFolder, verify, keep, timeouts, cacheFolder: cache } = options;
  return commandLine([
    './pvmc',
    'build',
    manifestPath,
    ...(outputFolder === resolve('out') ? [] : ['--output', outputFolder]),
    ...(verify ? [] : ['--no-verify']),
    ...(keep === 'failed' ? [] : ['--keep', keep]),
    ...Object.entries(timeouts).flatMap(([what, seconds]) => ['--timeout', `${what}=${seconds}s`]),
    ...(cache === undefined ? [] : ['--cache', cache]),
  ]);
}

function logLine(event: BuildEvent): string | undefined {
  switch (event.type) {
    case 'log':
      return `${event.origin}: ${event.line}`;
    case 'notice':
      return `notice: ${event.line}`;
    case 'stage-started':
      return `stage ${event.stage}`;
    case 'stage-finished':
      return `stage ${event.stage} done in ${event.seconds.toFixed(1)} s: ${event.result}`;
    case 'step-started':
      return `step ${event.step}: ${event.title}`;
    case 'step-finished':
      return `step ${event.step} done in ${event.seconds.toFixed(1)} s`;
    case 'build-failed':
      return `FAILED ${event.failure.code}: ${event.failure.message}`;
    case 'build-finished':
      return 'finished';
    case 'build-started':
      return `build ${event.build}`;
    case 'amount':
      return undefined;
  }
}
