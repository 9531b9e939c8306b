/**
 * No wait without an end: a limit for the whole of something, and one for how long nothing may be
 * heard meanwhile. Either aborts the signal with an error that names itself.
 *
 * Only time in which this process ran is counted. When it was stopped (Ctrl-Z), or this computer was
 * suspended, what was said meanwhile is still to be read, and nobody was silent.
 */
import { secondsSince } from '../system/elapsed.ts';
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

/** The clock ticks at least so often, and this many times within a limit. */
const TICK_SECONDS = 5;
const TICKS_IN_LIMIT = 8;

export class Deadline implements Disposable {
  /** Aborted with a PvmcError `time-limit` or `silence-limit`, or with the reason of `options.signal`. */
  readonly signal: AbortSignal;
  readonly #options: DeadlineOptions;
  readonly #controller = new AbortController();
  readonly #tickSeconds: number;
  #timer: NodeJS.Timeout | undefined;
  /** Up to the last tick. */
  #countedSeconds = 0;
  #lastTick = performance.now();
  #heardAtSeconds = 0;

  constructor(options: DeadlineOptions) {
    const { limitSeconds, silenceSeconds = limitSeconds, signal } = options;
    this.#options = options;
    this.signal = signal
      ? AbortSignal.any([signal, this.#controller.signal])
      : this.#controller.signal;
    this.#tickSeconds = Math.min(
      TICK_SECONDS,
      Math.min(limitSeconds, silenceSeconds) / TICKS_IN_LIMIT,
    );
    this.#tick();
  }

  /** A sign of life: the silence begins anew. Cheap enough for every message. */
  heard(): void {
    this.#heardAtSeconds = this.#seconds;
  }

  /** Ends the watch; the signal stays as it is. */
  dispose(): void {
    clearTimeout(this.#timer);
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  /** How long this process has run since the beginning: of a tick that comes much too late, little counts. */
  get #seconds(): number {
    return this.#countedSeconds + Math.min(secondsSince(this.#lastTick), 2 * this.#tickSeconds);
  }

  #tick(): void {
    const { whom = 'the guest', limitSeconds, silenceSeconds } = this.#options;
    this.#countedSeconds = this.#seconds;
    this.#lastTick = performance.now();
    const left = limitSeconds - this.#countedSeconds;
    if (left <= 0) return this.#end(tooLong(this.#options));
    const silent = this.#countedSeconds - this.#heardAtSeconds;
    const untilTooQuiet = (silenceSeconds ?? Infinity) - silent;
    if (untilTooQuiet <= 0) return this.#end(tooQuiet(whom, silenceSeconds ?? 0));
    const next = Math.min(this.#tickSeconds, left, untilTooQuiet);
    this.#timer = setTimeout(() => this.#tick(), Math.ceil(next * 1000));
  }

  #end(reason: PvmcError): void {
    this.dispose();
    this.#controller.abort(reason);
  }
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
