/**
 * The guest as the host sees it while it builds: its words over the link, its console and what happens
 * to its machine, brought together. Only the verdict counts as an end; a machine that stops, resets or
 * crashes without one has failed, and so has a guest whose console shows that it is lost.
 */
import type { ConsoleReader } from '../console/console-reader.ts';
import { signOfLoss } from '../console/console-watch.ts';
import type { MachineEvent, RunningMachine } from '../hypervisors/hypervisor.ts';
import { type HeardMessage, receiveLink } from '../link/host.ts';
import type { Verdict } from '../link/protocol.ts';
import { endedWithoutVerdict, lostGuest } from './guest-failure.ts';

export interface GuestOptions {
  readonly filesFolder: string;
  readonly note: (line: string) => void;
  readonly console: ConsoleReader;
  /** Between two looks at the console; the watch's own unless told. */
  readonly lookSeconds?: number;
}

export interface Follower {
  readonly onMessage: (message: HeardMessage) => void;
  readonly onAlive: () => void;
}

export type Hello = Extract<HeardMessage, { readonly type: 'hello' }>;

export class Guest {
  /** The constructor has spoken. */
  readonly hello: Promise<Hello>;
  readonly verdict: Promise<Verdict>;
  /** Never resolves; rejects when the machine has failed, after the verdict too. */
  readonly failure: Promise<never>;
  readonly #options: GuestOptions;
  readonly #machine: RunningMachine;
  #sayHello!: (hello: Hello) => void;
  #giveVerdict!: (verdict: Verdict) => void;
  #fail!: (failure: unknown) => void;
  #judged = false;
  /** Aborted when the console is of no interest any more. */
  readonly #over = new AbortController();
  #words = 0;
  #follower: Follower | undefined;
  /** Said while nobody followed. */
  readonly #unheard: HeardMessage[] = [];

  constructor(machine: RunningMachine, options: GuestOptions) {
    this.#machine = machine;
    this.#options = options;
    this.failure = new Promise<never>((_resolve, reject) => {
      this.#fail = reject;
    });
    const hello = new Promise<Hello>((resolve) => {
      this.#sayHello = resolve;
    });
    const verdict = new Promise<Verdict>((resolve) => {
      this.#giveVerdict = resolve;
    });
    this.hello = Promise.race([hello, this.failure]);
    this.verdict = Promise.race([verdict, this.failure]);
    // Whoever waits is told; when nobody waits any more, nobody needs to be.
    for (const promise of [this.hello, this.verdict, this.failure]) promise.catch(() => {});
    void this.#listen();
    void this.#watch();
    void this.#watchConsole();
  }

  /** Sends a follower what was said so far and whatever comes. */
  follow(follower: Follower): void {
    this.#follower = follower;
    for (const message of this.#unheard.splice(0)) follower.onMessage(message);
  }

  async #listen(): Promise<void> {
    const { filesFolder, note } = this.#options;
    try {
      await receiveLink(this.#machine.link, {
        filesFolder,
        note,
        onAlive: () => {
          this.#words += 1;
          this.#follower?.onAlive();
        },
        onMessage: (message) => this.#hear(message),
      });
      // What the guest said last may arrive after the news that its machine has stopped.
      if (!this.#judged) await this.#failWith(await this.#machine.stopped);
    } catch (thrown) {
      this.#fail(thrown);
    } finally {
      this.#over.abort();
    }
  }

  #hear(message: HeardMessage): void {
    if (message.type === 'hello') this.#sayHello(message);
    if (message.type === 'verdict') {
      this.#judged = true;
      this.#over.abort();
      this.#giveVerdict(message.verdict);
    }
    if (this.#follower) this.#follower.onMessage(message);
    else this.#unheard.push(message);
  }

  async #watch(): Promise<void> {
    for await (const event of this.#machine.events) {
      if (event.type === 'stopped' || (this.#judged && event.type !== 'disk-error')) continue;
      await this.#failWith(event);
    }
  }

  async #failWith(event: MachineEvent): Promise<void> {
    const { console } = this.#options;
    await console.read().catch(() => {});
    this.#fail(endedWithoutVerdict(event, console.recent));
  }

  async #watchConsole(): Promise<void> {
    const { console, lookSeconds } = this.#options;
    const { signal } = this.#over;
    const wordsHeard = () => this.#words;
    const sign = await signOfLoss({ reader: console, wordsHeard, signal, lookSeconds });
    if (sign) this.#fail(lostGuest(sign, console.recent));
  }
}
