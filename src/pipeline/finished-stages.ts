/**
 * What of a build's stages is finished: taken from an earlier build that did it with the same inputs,
 * or done by this one and written down.
 */
import type { BegunBuild } from './begin-build.ts';
import {
  type RecordedBuild,
  type RecordedStage,
  type Taken,
  takeCheckpoint,
  takeStage,
} from './earlier-builds.ts';
import { outputOf } from './outputs.ts';
import type { StageRecords } from './record.ts';
import { type StageOrder, stageMissing } from './stage-order.ts';
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
   * Its files are in this build's folder then. Otherwise the stage is begun.
   * @throws PvmcError `stage-missing` when the user wanted to begin after it
   */
  async take<S extends RecordedStage>(
    stage: S,
    key: string,
  ): Promise<Taken<Finished<S>> | undefined> {
    const { folder, journal } = this.#begun;
    const taken = this.#order.mayReuse(stage)
      ? await takeStage(this.#builds(), { stage, key, folder: folder.path })
      : undefined;
    const own = taken?.build === folder.name;
    this.#sources.push(own ? undefined : taken?.build);
    if (taken) {
      const from = taken.finished.from ?? taken.build;
      if (!own) await journal.finishStage(stage, { ...taken.finished, from });
      return taken;
    }
    if (this.#order.mustReuse(stage)) throw stageMissing(stage, this.#order.from);
    await journal.forgetStage(stage);
    return undefined;
  }

  /** Writes down a stage that the runner has just finished. */
  async finish<S extends RecordedStage>(
    stage: S,
    finished: Omit<Finished<S>, 'seconds' | 'result'>,
  ): Promise<void> {
    const how = {
      seconds: this.#runner.seconds[stage] ?? 0,
      result: this.#runner.resultOf(stage),
    };
    await this.#begun.journal.finishStage(stage, { ...finished, ...how } as Finished<S>);
  }

  /** The name of the build that had the checkpoint, which is in this build's folder then. */
  async takeCheckpoint(key: string): Promise<string | undefined> {
    if (!this.#order.mayReuse('construct')) return undefined;
    const { folder, journal } = this.#begun;
    const taken = await takeCheckpoint(this.#builds(), { key, folder: folder.path });
    if (taken) await journal.keepCheckpoint(taken.finished);
    return taken?.build;
  }

  /** Writes down a checkpoint that has just been copied. */
  async keepCheckpoint(key: string): Promise<void> {
    const { folder, journal } = this.#begun;
    const disk = await outputOf(folder.path, folder.checkpointPath);
    await journal.keepCheckpoint({ key, disk });
  }

  #builds(): readonly RecordedBuild[] {
    const { folder, journal, earlier } = this.#begun;
    return [{ path: folder.path, record: journal.record }, ...earlier];
  }
}
