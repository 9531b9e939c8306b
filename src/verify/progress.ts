/** How verify tells where it is: each boot has its steps, and how many there are is known at once. */
import type { Progress } from '../system/progress.ts';

export interface VerifyProgress extends Progress {
  /** Ends the step before, and begins this one. `index` counts from 1. */
  step(step: {
    readonly name: string;
    readonly title: string;
    readonly index: number;
    readonly count: number;
  }): void;
  /** A sign of life of the guest, or of the work on the host. */
  heard(): void;
}

/** Begins one step after the other. */
export class Steps {
  readonly #progress: VerifyProgress;
  readonly #count: number;
  #index = 0;

  constructor(progress: VerifyProgress, count: number) {
    this.#progress = progress;
    this.#count = count;
  }

  begin(name: string, title: string): void {
    this.#index += 1;
    this.#progress.step({ name, title, index: this.#index, count: this.#count });
  }

  /** Passes over steps that will not be done. */
  skip(count: number): void {
    this.#index += count;
  }
}

/** Work on the host that gets on is a sign of life too. */
export function aliveByAmount(progress: VerifyProgress): VerifyProgress {
  return {
    signal: progress.signal,
    log: (line, origin) => progress.log(line, origin),
    notice: (line) => progress.notice(line),
    step: (step) => progress.step(step),
    heard: () => progress.heard(),
    amount: (amount) => {
      progress.heard();
      progress.amount(amount);
    },
  };
}
