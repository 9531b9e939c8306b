/** The seven stages, in order: from a manifest to an appliance that was seen to boot. */

import { rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import { checksumName } from '../appliance/checksums.ts';
import { FORMATS } from '../appliance/formats/formats.ts';
import type { Signer } from '../appliance/signature/signer.ts';
import { hypervisorNamed } from '../hypervisors/registry.ts';
import { presentable } from '../system/defects.ts';
import { secondsSince } from '../system/elapsed.ts';
import { messageOf } from '../system/error.ts';
import { Releases } from '../system/releases.ts';
import { type BegunBuild, beginBuild } from './begin-build.ts';
import { closeBuildFolder } from './build-folder.ts';
import { logLine } from './build-log.ts';
import type { BuildOptions } from './build-options.ts';
import { buildSigner } from './build-signer.ts';
import { cacheFolder } from './cache-folder.ts';
import { eventProgress } from './event-progress.ts';
import type { BuildEvent, BuildResult, Emit } from './events.ts';
import { describeFailure } from './failure.ts';
import { expectedSeconds, remember } from './history.ts';
import type { BuildOutcome } from './journal.ts';
import { limitsFor, slowLine, wantedTimeouts } from './limits.ts';
import { baseName, expectOurs } from './placed-files.ts';
import { mediumName } from './placed-medium.ts';
import { preflight } from './preflight.ts';
import { type ReadAppliance, readAppliance } from './prepare.ts';
import { readRecord, writeRecord } from './record.ts';
import { resumeCommand } from './resume-command.ts';
import { sourceDateEpoch } from './source-date-epoch.ts';
import { StageOrder } from './stage-order.ts';
import { StageRunner } from './stage-runner.ts';
import { type Done, Stages } from './stages.ts';
import { supersede, tidy } from './tidy.ts';

/**
 * Builds an appliance, as far as earlier builds have not done it already.
 * @throws PvmcError; when the build has begun, the event `build-failed` says the same and more first.
 */
export async function buildAppliance(
  options: BuildOptions,
  emit: Emit,
  signal: AbortSignal,
): Promise<BuildResult> {
  const order = new StageOrder(options);
  const appliance = await readAppliance(options.manifestPath);
  await preflight(appliance, options, eventProgress(emit, signal));
  const signer = order.wants('export')
    ? await buildSigner(appliance, options, eventProgress(emit, signal))
    : undefined;
  await expectPlaces(appliance, { order, signer }, resolve(options.outputFolder));
  const begun = await beginBuild(options, { appliance, order }, signal);
  return new Build(options, { appliance, order, signer, begun, emit, signal }).run();
}

/** Somebody else's file is found now, not when everything is done. */
async function expectPlaces(
  { file: { manifest } }: ReadAppliance,
  { order, signer }: Pick<Circumstances, 'order' | 'signer'>,
  outputFolder: string,
): Promise<void> {
  const base = baseName(manifest);
  const signing = signer ? 'signed' : 'unsigned';
  const exported = manifest.exports.flatMap((format) => FORMATS[format].fileNames(base, signing));
  const withChecksums = exported.flatMap((name) => [name, checksumName(name)]);
  const medium = mediumName(manifest);
  const names = [medium, checksumName(medium), ...(order.wants('export') ? withChecksums : [])];
  for (const name of names) await expectOurs({ folder: outputFolder, name });
}

interface Circumstances {
  readonly appliance: ReadAppliance;
  readonly order: StageOrder;
  readonly signer: Signer | undefined;
  readonly begun: BegunBuild;
  readonly emit: Emit;
  readonly signal: AbortSignal;
}

class Build {
  readonly #options: BuildOptions;
  readonly #circumstances: Circumstances;
  readonly #runner: StageRunner;
  readonly #releases: Releases;
  readonly #started = performance.now();
  /** The guest's last words, the latest at the end. */
  readonly #guestLines: string[] = [];

  constructor(options: BuildOptions, circumstances: Circumstances) {
    this.#options = options;
    this.#circumstances = circumstances;
    this.#runner = new StageRunner((event) => this.#tell(event), circumstances.signal);
    this.#releases = new Releases((what, failure) =>
      this.#tell({
        type: 'notice',
        line: `${what} could not be given back: ${messageOf(failure)}`,
      }),
    );
  }

  async run(): Promise<BuildResult> {
    const { begun, order, emit, signal } = this.#circumstances;
    try {
      const done = await this.#build();
      await this.#releases.releaseAll();
      const result = this.#result(done);
      const event = { type: 'build-finished', result } as const;
      this.#write(event);
      if (result.unchanged) await this.#vanish(result.folder);
      else await this.#end(order.wants('export') ? 'succeeded' : 'stopped');
      emit(event);
      return result;
    } catch (thrown) {
      await this.#releases.releaseAll();
      const error = presentable(thrown, signal);
      const failure = await describeFailure(error, {
        folder: begun.folder,
        stages: this.#runner,
        guestLines: this.#guestLines,
        resume: resumeCommand({ ...this.#options, until: undefined }),
        keep: this.#options.keep,
      });
      const event = { type: 'build-failed', failure } as const;
      this.#write(event);
      const { code, message, stage, step } = failure;
      const outcome = error.kind === 'interrupted' ? 'interrupted' : 'failed';
      await this.#end(outcome, { code, message, stage, step });
      emit(event);
      throw error;
    }
  }

  async #build(): Promise<Done> {
    const { appliance, begun, order, signer } = this.#circumstances;
    const { manifest } = appliance.file;
    const cache = cacheFolder(this.#options.cacheFolder);
    const hypervisor = hypervisorNamed(this.#options.hypervisor);
    const { acceleration } = await hypervisor.capabilities();
    // Builds of one manifest on one kind of machine take alike.
    const slow = acceleration.interpreted ? 'interpreted' : 'emulated';
    const speed = acceleration.available ? 'accelerated' : slow;
    const historyKey = `${manifest.name} ${manifest.packages.length} ${hypervisor.name} ${speed}`;
    this.#tell({
      type: 'build-started',
      build: begun.folder.name,
      folder: begun.folder.path,
      appliance: manifest.name,
      version: manifest.version,
      expectedSeconds: await expectedSeconds(cache, historyKey),
    });
    if (!acceleration.available) this.#tell({ type: 'notice', line: slowLine(acceleration) });
    const timeouts = wantedTimeouts(manifest, this.#options.timeouts);
    const stages = new Stages({
      appliance,
      begun,
      order,
      signer,
      hypervisor,
      cacheFolder: cache,
      limits: limitsFor(acceleration, timeouts),
      silenceSeconds: timeouts.silence,
      checkpoints: this.#options.keep === 'never' ? 'unwanted' : 'kept',
      sourceDateEpoch: sourceDateEpoch(),
      mediumPath: this.#options.mediumPath,
      runner: this.#runner,
      releases: this.#releases,
    });
    const done = await stages.run();
    await remember(cache, historyKey, done.typicalSeconds).catch(() => {});
    return done;
  }

  #result({ files, verified, sameAs }: Done): BuildResult {
    const { folder, earlier, resumed } = this.#circumstances.begun;
    // A folder that was there before has a story of its own.
    const same = resumed ? undefined : earlier.find(({ record }) => record.build === sameAs);
    return {
      build: same?.record.build ?? folder.name,
      folder: same?.path ?? folder.path,
      files,
      stageSeconds: this.#runner.seconds,
      seconds: secondsSince(this.#started),
      verified,
      unchanged: same !== undefined,
      until: this.#options.until,
      resume: resumeCommand(this.#options),
    };
  }

  /** Nothing was done that anybody would look for; the build that did it all is kept as it is wanted now. */
  async #vanish(same: string): Promise<void> {
    const { folder } = this.#circumstances.begun;
    await closeBuildFolder(folder);
    await rm(folder.path, { recursive: true, force: true });
    const record = await readRecord(same);
    if (record) await writeRecord(same, { ...record, keep: this.#options.keep });
  }

  /** Writes down how it went, and tidies up. Whatever fails here, the build's own outcome stands. */
  async #end(outcome: BuildOutcome, failure?: Parameters<BegunBuild['journal']['end']>[1]) {
    const { begun, emit } = this.#circumstances;
    const { folder, journal, earlier } = begun;
    const { appliance, keep, stages } = journal.record;
    const { path } = folder;
    const constructed = stages.construct !== undefined;
    // Room first: the record may need some.
    const last = [
      () => tidy({ path, keep, outcome, constructed }),
      () => journal.end(outcome, failure),
      () => closeBuildFolder(folder),
      () => supersede(earlier, { path, appliance, outcome }),
    ];
    for (const act of last)
      await act().catch((thrown: unknown) => {
        emit({ type: 'notice', line: `${path} could not be tidied: ${messageOf(thrown)}` });
      });
  }

  #keep(line: string): void {
    this.#guestLines.push(line);
    if (this.#guestLines.length > KEPT_GUEST_LINES) this.#guestLines.shift();
  }

  /** Everything that is said goes to the build's own log too. */
  #tell(event: BuildEvent): void {
    this.#write(event);
    if (event.type === 'log' && this.#runner.stage === 'construct') this.#keep(event.line);
    this.#circumstances.emit(event);
  }

  #write(event: BuildEvent): void {
    const line = logLine(event);
    const seconds = secondsSince(this.#started).toFixed(1);
    const { log } = this.#circumstances.begun.folder;
    if (line !== undefined) log.write(`${seconds.padStart(7)} ${line}\n`);
  }
}

/** As many as the failure's screen has room for. */
const KEPT_GUEST_LINES = 12;
