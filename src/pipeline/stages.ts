/**
 * The stages of one build, in order. Each is taken from an earlier build when one has done it with the
 * same inputs, else done, and then written down.
 */
import { rm } from 'node:fs/promises';
import { type Signer, signerId } from '../appliance/signature/signer.ts';
import type { Hypervisor } from '../hypervisors/hypervisor.ts';
import { baseId } from '../media/base.ts';
import { PvmcError } from '../system/error.ts';
import type { Releases } from '../system/releases.ts';
import { sha256Of } from '../system/sha256.ts';
import { formatSize } from '../system/size.ts';
import type { BegunBuild } from './begin-build.ts';
import { type Checkpoint, constructAppliance, GUEST_STAGES } from './construct-stages.ts';
import type { ExportedFile, StageName } from './events.ts';
import {
  type ExportStage,
  placeExports,
  reuseExports,
  takeExports,
  writeExports,
} from './export-stage.ts';
import { FinishedStages } from './finished-stages.ts';
import { copyMedium, examineMedium } from './given-medium.ts';
import type { StageSeconds } from './history.ts';
import { givenMediumKeys, inputsDigest, type StageKeys, stageKeys, verifyKey } from './keys.ts';
import type { limitsFor } from './limits.ts';
import { planMedium, RESOLVE_STEP, writeMedium } from './media-stage.ts';
import { outputOf } from './outputs.ts';
import { readPinned, writePinned } from './pinned-packages.ts';
import { mediumName, placeMedium } from './placed-medium.ts';
import { preflightRoom } from './preflight.ts';
import { type ReadAppliance, resolveAppliance } from './prepare.ts';
import type { StageOrder } from './stage-order.ts';
import type { StageOutcome, StageProgress, StageRunner } from './stage-runner.ts';
import { verifyExport } from './verify-stage.ts';

export interface StagesOptions {
  readonly appliance: ReadAppliance;
  readonly begun: BegunBuild;
  readonly order: StageOrder;
  /** Of the exports, if anybody signs them. */
  readonly signer: Signer | undefined;
  readonly hypervisor: Hypervisor;
  readonly cacheFolder: string;
  readonly limits: ReturnType<typeof limitsFor>;
  /** As the user set it. */
  readonly silenceSeconds: number | undefined;
  /** Whether a checkpoint stays, and so is worth its time and space. */
  readonly checkpoints: 'kept' | 'unwanted';
  readonly sourceDateEpoch: number;
  /** The medium, if it was made elsewhere. */
  readonly mediumPath: string | undefined;
  readonly runner: StageRunner;
  readonly releases: Releases;
}

export interface Done {
  /** In the output folder; none when the build was to stop before. */
  readonly files: readonly ExportedFile[];
  readonly verified: boolean;
  /** The earlier build that had done everything already. */
  readonly sameAs: string | undefined;
  /** How long those stages took that did all of their work. */
  readonly typicalSeconds: StageSeconds;
}

export class Stages {
  readonly #options: StagesOptions;
  readonly #finished: FinishedStages;
  /** Stages that were spared some of their work: how long they took tells nothing of the next build. */
  readonly #spared = new Set<StageName>();

  constructor(options: StagesOptions) {
    const { begun, order, runner } = options;
    this.#options = options;
    this.#finished = new FinishedStages(begun, order, runner);
  }

  async run(): Promise<Done> {
    const { begun, order } = this.#options;
    const keys = await this.#media();
    const before = order.wants('export') ? await this.#takeExports(keys) : undefined;
    if (!before && order.wants('machine')) await this.#construct(keys);
    const exported =
      before ?? (order.wants('export') ? await writeExports(this.#exportStage, keys.export) : []);
    if (order.wants('verify')) await this.#verify(exported);
    return {
      files: await placeExports(exported, begun.folder, begun.journal.record.outputFolder),
      verified: order.wants('verify'),
      sameAs: this.#finished.sameAs,
      typicalSeconds: this.#typicalSeconds(),
    };
  }

  /** The medium, and what it says of all the stages after it. */
  async #media(): Promise<StageKeys> {
    const { runner, limits, begun, appliance } = this.#options;
    const { folder } = begun;
    const { keys, made, sha256 } = await runner.run(
      'media',
      { limitSeconds: limits.media },
      async (progress) => {
        const { value, result } = await this.#takeOrWriteMedium(progress);
        const known = value.made ? undefined : begun.journal.record.stages.media?.sha256;
        const digest = known ?? (await sha256Of(folder.mediumPath, progress.signal));
        return { value: { ...value, sha256: digest }, result };
      },
    );
    if (made) {
      const medium = await outputOf(folder.path, folder.mediumPath);
      await this.#finished.finish('media', { key: keys.media, medium, sha256 });
    }
    const to = {
      folder: begun.journal.record.outputFolder,
      name: mediumName(appliance.file.manifest),
    };
    await placeMedium(folder.mediumPath, to, sha256);
    return keys;
  }

  async #takeOrWriteMedium(
    progress: StageProgress,
  ): Promise<StageOutcome<{ readonly keys: StageKeys; readonly made: boolean }>> {
    const { begun, cacheFolder, sourceDateEpoch, appliance, mediumPath } = this.#options;
    if (mediumPath !== undefined) return this.#takeMedium(mediumPath, progress);
    progress.step(RESOLVE_STEP);
    const resolution = await this.#resolve(progress);
    const planned = planMedium(appliance, resolution, { cacheFolder, sourceDateEpoch });
    const keys = await stageKeys({
      baseId: await baseId(planned.base, progress),
      hypervisor: this.#options.hypervisor.name,
      volumeId: planned.volumeId,
      installation: planned.installation,
      mediumFiles: planned.files,
      signedBy: this.#signedBy,
      signal: progress.signal,
    });
    const taken = await this.#finished.take('media', keys.media);
    const { totals } = resolution;
    await preflightRoom(this.#options, { totals, key: keys.construct }, progress);
    if (taken) {
      this.#spared.add('media');
      const size = formatSize(taken.finished.medium.sizeBytes);
      return { value: { keys, made: false }, result: `${size}, as in ${taken.build}` };
    }
    await this.#finished.begin('media');
    const { result } = await writeMedium(planned, begun.folder.mediumPath, progress);
    // What was hashed before must be what the medium holds.
    const inputs = await inputsDigest(appliance, progress.signal);
    if (inputs !== begun.journal.record.inputs) throw inputsChanged(appliance.file.path);
    return { value: { keys, made: true }, result };
  }

  async #takeMedium(
    path: string,
    progress: StageProgress,
  ): Promise<StageOutcome<{ readonly keys: StageKeys; readonly made: boolean }>> {
    const { begun, hypervisor, sourceDateEpoch, appliance } = this.#options;
    const { manifest } = appliance.file;
    const { sha256, sizeBytes } = await examineMedium(path, manifest.name, progress.signal);
    const ingredients = {
      sha256,
      hypervisor: hypervisor.name,
      manifest,
      sourceDateEpoch,
      signedBy: this.#signedBy,
    };
    const keys = await givenMediumKeys(ingredients);
    const taken = await this.#finished.take('media', keys.media);
    if (taken) this.#spared.add('media');
    else {
      await this.#finished.begin('media');
      await copyMedium(path, begun.folder.mediumPath);
    }
    return { value: { keys, made: !taken }, result: `${formatSize(sizeBytes)}, as given` };
  }

  /** Of a build that is taken up again, the packages that it had resolved. */
  async #resolve(progress: StageProgress) {
    const { appliance, begun, cacheFolder } = this.#options;
    const { path } = begun.folder;
    const { inputs } = begun.journal.record;
    const pinned = await readPinned(path, inputs, appliance);
    if (pinned) return pinned;
    const resolution = await resolveAppliance(appliance, cacheFolder, progress);
    await writePinned(path, inputs, resolution);
    return resolution;
  }

  async #construct(keys: StageKeys): Promise<void> {
    const { begun, runner, order, limits, hypervisor, releases, appliance } = this.#options;
    const { folder } = begun;
    const taken = await this.#finished.take('construct', keys.construct);
    if (taken) {
      this.#tellReused(taken.build, taken.finished.result);
      await this.#finished.takeCheckpoint(keys.install);
      return;
    }
    await this.#finished.begin('construct');
    await constructAppliance({
      manifest: appliance.file.manifest,
      folder,
      hypervisor,
      limits,
      checkpoint: await this.#checkpoint(keys),
      order,
      stages: runner,
      releases,
    });
    if (!order.wants('construct')) return;
    const disk = await outputOf(folder.path, folder.diskPath);
    await this.#finished.finish('construct', { key: keys.construct, disk });
  }

  #tellReused(build: string, result: string): void {
    const { runner, order } = this.#options;
    for (const stage of GUEST_STAGES) if (order.wants(stage)) runner.reuse(stage, build, result);
  }

  /** Removes what an earlier attempt left of the disk, and takes the checkpoint that there is. */
  async #checkpoint({ install: key, installed }: StageKeys): Promise<Checkpoint> {
    const { begun, checkpoints, mediumPath } = this.#options;
    const { diskPath, checkpointPath } = begun.folder;
    await rm(diskPath, { force: true });
    const build = await this.#finished.takeCheckpoint(key);
    if (build !== undefined) {
      this.#spared.add('construct');
      return { type: 'start', build, path: checkpointPath };
    }
    await rm(checkpointPath, { force: true });
    if (checkpoints === 'unwanted' || mediumPath !== undefined) return { type: 'none' };
    const onTaken = () => this.#finished.keepCheckpoint(key);
    return { type: 'take', path: checkpointPath, key: installed, onTaken };
  }

  /** Exports that are there need no disk, though a later build may be glad of it. */
  async #takeExports(keys: StageKeys): Promise<readonly ExportedFile[] | undefined> {
    const taken = await takeExports(this.#exportStage, keys.export);
    if (!taken) return undefined;
    const disk = await this.#finished.take('construct', keys.construct);
    if (disk) await this.#finished.takeCheckpoint(keys.install);
    this.#tellReused(taken.build, disk?.finished.result ?? 'the disk is no longer kept');
    const { diskPath } = this.#options.begun.folder;
    return reuseExports(this.#exportStage, taken, disk && diskPath);
  }

  get #exportStage(): ExportStage {
    const { appliance, begun, sourceDateEpoch, signer, limits, runner } = this.#options;
    return {
      manifest: appliance.file.manifest,
      folder: begun.folder,
      sourceDateEpoch,
      signer,
      limitSeconds: limits.export,
      finished: this.#finished,
      runner,
    };
  }

  async #verify(files: readonly ExportedFile[]): Promise<void> {
    const { appliance, begun, runner, limits, hypervisor, silenceSeconds } = this.#options;
    const { manifest } = appliance.file;
    const digests = files.map(({ sha256 }) => sha256);
    const key = await verifyKey(digests, hypervisor.name, manifest);
    const taken = await this.#finished.take('verify', key);
    if (taken) {
      runner.reuse('verify', taken.build, taken.finished.result);
      return;
    }
    await this.#finished.begin('verify');
    const workFolder = begun.folder.verifyFolder;
    const request = { files, manifest, hypervisor, workFolder, silenceSeconds };
    await runner.run('verify', { limitSeconds: limits.verify }, (progress) =>
      verifyExport(request, progress),
    );
    await this.#finished.finish('verify', { key });
  }

  get #signedBy(): string | undefined {
    const { signer } = this.#options;
    return signer && signerId(signer);
  }

  #typicalSeconds(): StageSeconds {
    const all = Object.entries(this.#options.runner.seconds);
    return Object.fromEntries(all.filter(([stage]) => !this.#spared.has(stage as StageName)));
  }
}

function inputsChanged(path: string): PvmcError {
  return new PvmcError({
    kind: 'manifest',
    code: 'inputs-changed',
    message: `${path}, or something beside it, was changed while the medium was made`,
    hint: 'Build again.',
  });
}
