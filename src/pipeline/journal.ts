/** The record of the build that runs: what is finished is written down at once. */
import { type BuildRecord, type StageRecords, thisProcess, writeRecord } from './record.ts';

export type BuildOutcome = NonNullable<BuildRecord['outcome']>;

export class Journal {
  readonly #folder: string;
  #record: BuildRecord;
  #written: Promise<void> = Promise.resolve();

  private constructor(folder: string, record: BuildRecord) {
    this.#folder = folder;
    this.#record = record;
  }

  /** Begins a build, or takes an unfinished one up again with what it had finished. */
  static async begin(
    folder: string,
    record: Omit<BuildRecord, 'version' | 'owner' | 'began'>,
  ): Promise<Journal> {
    const began = new Date().toISOString();
    const journal = new Journal(folder, {
      ...record,
      version: 1,
      owner: await thisProcess(),
      began,
    });
    await journal.#write({});
    return journal;
  }

  get record(): BuildRecord {
    return this.#record;
  }

  async finishStage<S extends keyof StageRecords>(
    stage: S,
    finished: NonNullable<StageRecords[S]>,
  ): Promise<void> {
    await this.#write({ stages: { ...this.#record.stages, [stage]: finished } });
  }

  /** What is done again is not finished until it is done: a killed run must not be taken for it. */
  async forgetStage(stage: keyof StageRecords): Promise<void> {
    if (this.#record.stages[stage] === undefined) return;
    await this.#write({ stages: { ...this.#record.stages, [stage]: undefined } });
  }

  async keepCheckpoint(checkpoint: BuildRecord['checkpoint']): Promise<void> {
    await this.#write({ checkpoint });
  }

  async end(outcome: BuildOutcome, failure?: BuildRecord['failure']): Promise<void> {
    await this.#write({ outcome, failure, ended: new Date().toISOString() });
  }

  /** One after the other: two at once would write into each other. */
  #write(change: Partial<BuildRecord>): Promise<void> {
    this.#record = { ...this.#record, ...change };
    const record = this.#record;
    this.#written = this.#written.catch(() => {}).then(() => writeRecord(this.#folder, record));
    return this.#written;
  }
}
