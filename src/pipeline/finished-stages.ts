/**
 * What of a build's stages is finished: taken from an earlier build that did it with the same inputs,
 * or done by this one and written down.
 */
import { join } from 'node:path';
import type { BegunBuild } from './begin-build.ts';
import {
  outputsOf,
  type RecordedBuild,
  type RecordedStage,
  type Taken,
  takeCheckpoint,
  takeStage,
} from './earlier-builds.ts';
import { outputOf, settle } from './outputs.ts';
import type { StageRecords } from './record.ts';
import { isBefore, type StageOrder } from './stage-order.ts';
import type { StageRunner } from './stage-runner.ts';

type Finished<S extends RecordedStage> = NonNullable<StageRecords[S]>;

export class FinishedStages {
  readonly #begun: BegunBuild;
  readonly #order: StageOrder;
  readonly #runner: StageRunner;
  /** For each stage so far, the build that had done it; undefined for this one. */
  readonly #sources: (string | undefined)[] = [];

  constructor(begun: BegunBuild, order: StageOrder, runner: StageRunner) {
    this.#begun = begun;
    this.#order = order;
    this.#runner = runner;
  }

  /** The one earlier build that had done all stages so far. */
  get sameAs(): string | undefined {
    const [first] = this.#sources;
    return this.#sources.every((source) => source === first) ? first : undefined;
  }

  /**
   * The stage, if an earlier build, or this one before it was cut off, has finished it with this key.
   * Its files are in this build's folder then.
   */
  async take<S extends RecordedStage>(
    stage: S,
    key: string,
  ): Promise<Taken<Finished<S>> | undefined> {
    const { folder, journal } = this.#begun;
    const taken = await takeStage(this.#builds(stage), { stage, key, folder: folder.path });
    if (!taken) return undefined;
    const own = taken.build === folder.name;
    this.#sources.push(own ? undefined : taken.build);
    const from = taken.finished.from ?? taken.build;
    if (!own) await journal.finishStage(stage, { ...taken.finished, from });
    return taken;
  }

  /** This build does the stage itself. @throws PvmcError `stage-missing` when it is not to */
  async begin(stage: RecordedStage): Promise<void> {
    this.#order.expectMayDo(stage);
    this.#sources.push(undefined);
    await this.#begun.journal.forgetStage(stage);
  }

  /** Writes down a stage that the runner has just finished. */
  async finish<S extends RecordedStage>(
    stage: S,
    finished: Omit<Finished<S>, 'seconds' | 'result'>,
  ): Promise<void> {
    const { folder, journal } = this.#begun;
    const seconds = this.#runner.seconds[stage] ?? 0;
    const result = this.#runner.resultOf(stage);
    const whole = { ...finished, seconds, result } as Finished<S>;
    for (const { path } of outputsOf(whole)) await settle(join(folder.path, path));
    await journal.finishStage(stage, whole);
  }

  /** The name of the build that had the checkpoint, which is in this build's folder then. */
  async takeCheckpoint(key: string): Promise<string | undefined> {
    const { folder, journal } = this.#begun;
    const taken = await takeCheckpoint(this.#builds('construct'), { key, folder: folder.path });
    if (taken) await journal.keepCheckpoint(taken.finished);
    return taken?.build;
  }

  /** Writes down a checkpoint that has just been copied. */
  async keepCheckpoint(key: string): Promise<void> {
    const { folder, journal } = this.#begun;
    await settle(folder.checkpointPath);
    const disk = await outputOf(folder.path, folder.checkpointPath);
    await journal.keepCheckpoint({ key, disk });
  }

  /** Whose work will do: this build's own, and that of others unless it is to be done again. */
  #builds(stage: RecordedStage): readonly RecordedBuild[] {
    const { folder, journal, earlier } = this.#begun;
    const { redoFrom } = journal.record;
    const own = { path: folder.path, record: journal.record };
    return redoFrom === undefined || isBefore(stage, redoFrom) ? [own, ...earlier] : [own];
  }
}
