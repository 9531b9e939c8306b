/**
 * Runs one stage after the other: announces it, times it, ends it at its deadline, and knows which one
 * was running when something failed.
 */
import { Deadline } from '../link/deadline.ts';
import { secondsSince } from '../system/elapsed.ts';
import { PvmcError } from '../system/error.ts';
import type { Amount, Progress } from '../system/progress.ts';
import type { Emit, StageName } from './events.ts';
import type { StageSeconds } from './history.ts';

export interface StageLimits {
  readonly limitSeconds: number;
  /** How long the guest may say nothing; no limit unless given. */
  readonly silenceSeconds?: number | undefined;
}

export interface StageStep {
  readonly name: string;
  readonly title: string;
  readonly index: number;
  readonly count?: number | undefined;
}

export interface StageProgress extends Progress {
  /** Ends the step before, and begins this one. */
  step(step: StageStep): void;
  /** A sign of life of the guest. */
  heard(): void;
}

/** What a stage hands on, and what it did in a few words: `162 MiB, from the cache`. */
export interface StageOutcome<T> {
  readonly value: T;
  readonly result: string;
}

export class StageRunner {
  readonly #emit: Emit;
  readonly #signal: AbortSignal;
  readonly #seconds: Partial<Record<StageName, number>> = {};
  readonly #results: Partial<Record<StageName, string>> = {};
  #stage: StageName | undefined;
  #step: { readonly name: string; readonly started: number } | undefined;

  constructor(emit: Emit, signal: AbortSignal) {
    this.#emit = emit;
    this.#signal = signal;
  }

  /** The stage that runs, or that ran when something failed. */
  get stage(): StageName | undefined {
    return this.#stage;
  }

  get step(): string | undefined {
    return this.#step?.name;
  }

  /** How long each finished stage took. */
  get seconds(): StageSeconds {
    return this.#seconds;
  }

  /** What a finished stage did, in a few words. */
  resultOf(stage: StageName): string {
    return this.#results[stage] ?? '';
  }

  /** Does the work of a stage. @throws whatever the work throws, or the reason why it was ended. */
  async run<T>(
    name: StageName,
    limits: StageLimits,
    work: (progress: StageProgress) => Promise<StageOutcome<T>>,
  ): Promise<T> {
    this.#signal.throwIfAborted();
    this.#stage = name;
    this.#step = undefined;
    this.#emit({ type: 'stage-started', stage: name });
    const started = performance.now();
    using deadline = new Deadline({
      ...limits,
      what: `the stage ${name}`,
      signal: this.#signal,
    });
    const { value, result } = await work(this.#progress(name, deadline));
    this.#endStep(name);
    const seconds = secondsSince(started);
    this.#seconds[name] = seconds;
    this.#results[name] = result;
    this.#emit({ type: 'stage-finished', stage: name, seconds, result });
    return value;
  }

  /** A stage that need not be done, because an earlier build has done it. */
  reuse(stage: StageName, from: string, result: string): void {
    this.#emit({ type: 'stage-reused', stage, from, result });
  }

  #progress(stage: StageName, deadline: Deadline): StageProgress {
    return {
      signal: deadline.signal,
      log: (line, origin = 'pvmc') => this.#emit({ type: 'log', origin, line }),
      amount: (amount: Amount) => this.#emit({ type: 'amount', stage, amount }),
      notice: (line) => this.#emit({ type: 'notice', line }),
      heard: () => deadline.heard(),
      step: ({ name, title, index, count }) => {
        this.#endStep(stage);
        this.#step = { name, started: performance.now() };
        this.#emit({ type: 'step-started', stage, step: name, title, index, count });
      },
    };
  }

  #endStep(stage: StageName): void {
    if (!this.#step) return;
    const { name, started } = this.#step;
    this.#emit({ type: 'step-finished', stage, step: name, seconds: secondsSince(started) });
    this.#step = undefined;
  }
}

/** Resolves never; rejects with the signal's reason when it aborts. */
export function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    if (signal.aborted) reject(reasonOf(signal));
    else signal.addEventListener('abort', () => reject(reasonOf(signal)), { once: true });
  });
}

function reasonOf(signal: AbortSignal): Error {
  const reason: unknown = signal.reason;
  if (reason instanceof Error) return reason;
  return new PvmcError({
    kind: 'interrupted',
    code: 'interrupted',
    message: 'the run was stopped',
  });
}
