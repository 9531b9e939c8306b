/** Listens to the probe. What it waits for comes as promises; it may never speak at all. */
import { LinkDecoder } from '../link/protocol.ts';
import { type ProbeMessage, readProbeMessage } from './probe-message.ts';

export type Said<Type extends ProbeMessage['type']> = Extract<
  ProbeMessage,
  { readonly type: Type }
>;

export class ProbeListener {
  /** The boot is complete. Both wait for ever when nothing comes. */
  readonly up: Promise<Said<'up'>>;
  readonly done: Promise<Said<'done'>>;
  readonly #onMessage: (message: ProbeMessage) => void;
  #isUp: (message: Said<'up'>) => void = () => {};
  #isDone: (message: Said<'done'>) => void = () => {};
  #spoke = false;
  #waitingFor: readonly string[] = [];

  constructor(link: AsyncIterable<Uint8Array>, onMessage: (message: ProbeMessage) => void) {
    this.#onMessage = onMessage;
    this.up = new Promise((resolve) => {
      this.#isUp = resolve;
    });
    this.done = new Promise((resolve) => {
      this.#isDone = resolve;
    });
    // A line that breaks off has ended; how the machine ended tells why.
    this.#listen(link).catch(() => {});
  }

  get spoke(): boolean {
    return this.#spoke;
  }

  /** The units that the boot waited for when it was told last. */
  get waitingFor(): readonly string[] {
    return this.#waitingFor;
  }

  async #listen(link: AsyncIterable<Uint8Array>): Promise<void> {
    const decoder = new LinkDecoder();
    for await (const bytes of link)
      for (const event of decoder.push(bytes)) {
        const message = event.type === 'message' ? readProbeMessage(event.message) : undefined;
        if (message) this.#hear(message);
      }
  }

  #hear(message: ProbeMessage): void {
    this.#spoke = true;
    this.#onMessage(message);
    if (message.type === 'waiting') this.#waitingFor = message.jobs;
    if (message.type === 'up') this.#isUp(message);
    if (message.type === 'done') this.#isDone(message);
  }
}
