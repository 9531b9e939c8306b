/**
 * Hears the host on the link. Nothing depends on it: a line that cannot be read, noise, another version
 * and silence are all the same, a host that says nothing.
 */
import { constants, openSync } from 'node:fs';
import { ReadStream } from 'node:tty';
import { checkHostMessage } from '../link/host-message.ts';
import { type HostMessage, LinkDecoder } from '../link/protocol.ts';

type Welcome = Extract<HostMessage, { readonly type: 'welcome' }>;
/** The host's answer to a `checkpoint`. */
type CheckpointAnswer = Exclude<HostMessage, Welcome>;

export class LinkListener {
  #welcome: Welcome | undefined;
  readonly #waiting = new Set<(message: HostMessage) => void>();
  readonly #line: ReadStream | undefined;

  /** Listens to a serial line that is set up already. */
  constructor(path: string | undefined) {
    this.#line = path === undefined ? undefined : lineAt(path);
    const decoder = new LinkDecoder();
    this.#line?.on('data', (bytes: Buffer) => {
      for (const event of decoder.push(bytes)) {
        if (event.type === 'message') this.#hear(checkHostMessage(event.message));
      }
    });
    // The other end may hang up: then nobody is heard any more.
    this.#line?.on('error', () => {});
    this.#line?.unref();
  }

  /** The host's welcome; undefined when it does not come within that time. */
  async welcome(milliseconds: number): Promise<Welcome | undefined> {
    const isWelcome = (message: HostMessage) => message.type === 'welcome';
    return this.#welcome ?? this.#next(isWelcome, milliseconds);
  }

  /**
   * The host's answer to the checkpoint of that name; undefined when none comes within that time, or the
   * signal aborts. To be called before the question is asked.
   */
  answer(
    name: string,
    milliseconds: number,
    signal?: AbortSignal,
  ): Promise<CheckpointAnswer | undefined> {
    const isAnswer = (message: HostMessage): message is CheckpointAnswer =>
      message.type !== 'welcome' && message.name === name;
    return this.#next(isAnswer, milliseconds, signal);
  }

  close(): void {
    this.#line?.destroy();
  }

  #hear(message: HostMessage | undefined): void {
    if (message === undefined) return;
    if (message.type === 'welcome') this.#welcome = message;
    for (const tell of this.#waiting) tell(message);
  }

  #next<M extends HostMessage>(
    pleases: (message: HostMessage) => message is M,
    milliseconds: number,
    signal?: AbortSignal,
  ): Promise<M | undefined> {
    return new Promise((resolve) => {
      const end = (message: M | undefined) => {
        signal?.removeEventListener('abort', giveUp);
        this.#waiting.delete(tell);
        clearTimeout(timer);
        resolve(message);
      };
      const tell = (message: HostMessage) => {
        if (pleases(message)) end(message);
      };
      const giveUp = () => end(undefined);
      const timer = setTimeout(giveUp, milliseconds);
      signal?.addEventListener('abort', giveUp);
      this.#waiting.add(tell);
    });
  }
}

function lineAt(path: string): ReadStream | undefined {
  try {
    const { O_RDONLY, O_NOCTTY, O_NONBLOCK } = constants;
    return new ReadStream(openSync(path, O_RDONLY | O_NOCTTY | O_NONBLOCK));
  } catch {
    return undefined;
  }
}
