/**
 * Looks every few seconds whether QEMU goes on. A process that somebody has stopped neither ends nor
 * says a word, and would otherwise be waited for until the guest has been silent for too long.
 *
 * It counts its own looks instead of the time: while this computer is suspended, or pvmc itself is
 * stopped, nobody looks, and nothing is held against QEMU.
 */
import { processState } from '../../system/process-fields.ts';

export interface PulseOptions {
  readonly pid: number;
  /** Asks QEMU something; resolves or rejects once it has answered. */
  readonly ask: () => Promise<unknown>;
  /** Told once, with why, as a clause. */
  readonly onStalled: (reason: string) => void;
  /** Between two looks; two seconds unless told. */
  readonly lookSeconds?: number;
}

/** Whoever attaches a debugger stops a process for a moment. */
const STOPPED_LOOKS = 2;
/** QEMU answers between two things that it does; with a slow disk these may take long. */
const MUTE_LOOKS = 30;

export class Pulse {
  readonly #options: PulseOptions;
  readonly #timer: NodeJS.Timeout;
  #stoppedLooks = 0;
  #muteLooks = 0;
  #asked = false;

  constructor(options: PulseOptions) {
    this.#options = options;
    this.#timer = setInterval(() => void this.#look(), (options.lookSeconds ?? 2) * 1000);
  }

  end(): void {
    clearInterval(this.#timer);
  }

  async #look(): Promise<void> {
    const { pid } = this.#options;
    this.#ask();
    this.#muteLooks += 1;
    const state = await processState(String(pid));
    this.#stoppedLooks = state === 'T' || state === 't' ? this.#stoppedLooks + 1 : 0;
    if (this.#stoppedLooks === STOPPED_LOOKS)
      this.#stalled(`QEMU (process ${pid}) was stopped by a signal (SIGSTOP)`);
    else if (this.#muteLooks === MUTE_LOOKS)
      this.#stalled(`QEMU (process ${pid}) has not answered for a minute`);
  }

  #ask(): void {
    if (this.#asked) return;
    this.#asked = true;
    this.#muteLooks = 0;
    const answered = () => {
      this.#asked = false;
      this.#muteLooks = 0;
    };
    this.#options.ask().then(answered, answered);
  }

  #stalled(reason: string): void {
    this.end();
    this.#options.onStalled(reason);
  }
}
