/**
 * The guest as the host sees it while it builds: its words over the link and what happens to its
 * machine, brought together. Only the verdict counts as an end; a machine that stops, resets or
 * crashes without one has failed, and the failure says which it was.
 */
import type { MachineEvent, RunningMachine } from '../hypervisors/hypervisor.ts';
import { type HeardMessage, receiveLink } from '../link/host.ts';
import type { Verdict } from '../link/protocol.ts';
import { PvmcError } from '../system/error.ts';

export interface GuestOptions {
  readonly filesFolder: string;
  readonly note: (line: string) => void;
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
        onAlive: () => this.#follower?.onAlive(),
        onMessage: (message) => this.#hear(message),
      });
      // What the guest said last may arrive after the news that its machine has stopped.
      if (!this.#judged) this.#fail(endedWithoutVerdict(await this.#machine.stopped));
    } catch (thrown) {
      this.#fail(thrown);
    }
  }

  #hear(message: HeardMessage): void {
    if (message.type === 'hello') this.#sayHello(message);
    if (message.type === 'verdict') {
      this.#judged = true;
      this.#giveVerdict(message.verdict);
    }
    if (this.#follower) this.#follower.onMessage(message);
    else this.#unheard.push(message);
  }

  async #watch(): Promise<void> {
    for await (const event of this.#machine.events) {
      if (event.type === 'stopped' || (this.#judged && event.type !== 'disk-error')) continue;
      this.#fail(endedWithoutVerdict(event));
    }
  }
}

function endedWithoutVerdict(event: MachineEvent): PvmcError {
  const error = (code: string, message: string, hint: string) =>
    new PvmcError({ kind: 'machine', code, message, hint });
  switch (event.type) {
    case 'stopped':
      return event.by === 'guest'
        ? error(
            'no-verdict',
            'the guest powered itself off without a verdict',
            'A power-off is not a success. The console log shows what came before it.',
          )
        : error(
            'machine-ended',
            'the machine was ended from outside before the guest gave its verdict',
            'Something on this computer ended it: its memory running out, for instance.',
          );
    case 'reset':
      return error(
        'guest-reset',
        'the guest reset itself instead of giving a verdict',
        'The console log shows what came before it: a kernel panic often ends like this.',
      );
    case 'crashed':
      return error(
        'guest-crashed',
        `the guest crashed: ${event.reason}`,
        'The console log and the picture of the screen show where.',
      );
    case 'disk-error':
      return error(
        'machine-disk-error',
        `the machine's disk failed: ${event.reason}`,
        'Is the file system of the build folder full? df -h tells.',
      );
  }
}
