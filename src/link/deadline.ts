/**
 * No wait without an end: a limit for the whole of something, and one for how long nothing may be
 * heard meanwhile. Either aborts the signal with an error that names itself.
 */
import { PvmcError } from '../system/error.ts';
import { formatDuration } from '../system/size.ts';

export interface DeadlineOptions {
  /** What has to be done in time, as a subject: `the construction`. */
  readonly what: string;
  /** Who has to be heard of: `the guest`. */
  readonly whom?: string | undefined;
  readonly limitSeconds: number;
  /** No limit unless given. */
  readonly silenceSeconds?: number | undefined;
  /** When this one aborts, so does the deadline's, with its reason. */
  readonly signal?: AbortSignal | undefined;
}

/** Node's timers hold no longer time than this. */
const LONGEST_MILLISECONDS = 2 ** 31 - 1;

export class Deadline implements Disposable {
  /** Aborted with a PvmcError `time-limit` or `silence-limit`, or with the reason of `options.signal`. */
  readonly signal: AbortSignal;
  readonly #options: DeadlineOptions;
  readonly #controller = new AbortController();
  readonly #limit: NodeJS.Timeout;
  #silence: NodeJS.Timeout | undefined;
  #lastHeard = performance.now();

  constructor(options: DeadlineOptions) {
    this.#options = options;
    this.signal = options.signal
      ? AbortSignal.any([options.signal, this.#controller.signal])
      : this.#controller.signal;
    this.#limit = after(options.limitSeconds, () => this.#end(tooLong(options)));
    if (options.silenceSeconds !== undefined) this.#listen(options.silenceSeconds);
  }

  /** A sign of life: the silence begins anew. Cheap enough for every message. */
  heard(): void {
    this.#lastHeard = performance.now();
  }

  /** How long nothing was heard. */
  get silentSeconds(): number {
    return (performance.now() - this.#lastHeard) / 1000;
  }

  /** Ends the watch; the signal stays as it is. */
  dispose(): void {
    clearTimeout(this.#limit);
    clearTimeout(this.#silence);
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  /** Looks again when the silence could have become too long at the earliest. */
  #listen(inSeconds: number): void {
    this.#silence = after(inSeconds, () => {
      const { silenceSeconds = 0, whom = 'the guest' } = this.#options;
      const left = silenceSeconds - this.silentSeconds;
      if (left <= 0) this.#end(tooQuiet(whom, silenceSeconds));
      else this.#listen(left);
    });
  }

  #end(reason: PvmcError): void {
    this.dispose();
    this.#controller.abort(reason);
  }
}

function after(seconds: number, act: () => void): NodeJS.Timeout {
  return setTimeout(act, Math.min(Math.ceil(seconds * 1000), LONGEST_MILLISECONDS));
}

function tooLong({ what, limitSeconds }: DeadlineOptions): PvmcError {
  return new PvmcError({
    kind: 'machine',
    code: 'time-limit',
    message: `${what} was not done within ${formatDuration(limitSeconds)}`,
    hint: 'The last lines of the log tell what it was at; a slower host needs a longer limit.',
  });
}

function tooQuiet(whom: string, silenceSeconds: number): PvmcError {
  return new PvmcError({
    kind: 'machine',
    code: 'silence-limit',
    message: `no word from ${whom} for ${formatDuration(silenceSeconds)}`,
    hint: 'The console log and the picture of the screen show where it stands still.',
  });
}
