/** Keeps amounts, which may come by the thousand, to one in a while. */
import type { BuildEvent } from '../../pipeline/events.ts';

type AmountEvent = Extract<BuildEvent, { type: 'amount' }>;

export interface PaceOptions {
  readonly seconds: number;
  /** Whether the amount that completes a whole is shown although it comes early. */
  readonly completion: 'always' | 'paced';
  readonly now: () => number;
}

export class Pace {
  readonly #options: PaceOptions;
  #last = Number.NEGATIVE_INFINITY;
  #complete = false;

  constructor(options: PaceOptions) {
    this.#options = options;
  }

  /** Whether this amount may be shown. */
  allows({ amount: { done, total } }: AmountEvent): boolean {
    const { seconds, completion, now } = this.#options;
    const complete = total !== undefined && done >= total;
    const due = now() - this.#last >= seconds;
    const completes = complete && !this.#complete && completion === 'always';
    if (!due && !completes) return false;
    this.#last = now();
    this.#complete = complete;
    return true;
  }

  /** Another piece of work has begun, whose first amount may be shown at once or must wait, too. */
  begin(first: 'at-once' | 'later'): void {
    this.#complete = false;
    this.#last = first === 'later' ? this.#options.now() : Number.NEGATIVE_INFINITY;
  }
}
