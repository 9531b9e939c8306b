/**
 * A machine that is switched on: one run of QEMU, or two. When KVM turns out not to run the guest
 * (QEMU's internal error) before the guest has said a word, the machine is started again in software;
 * whoever reads the link and the events notices nothing but a slower machine and a notice.
 */

import { randomBytes } from 'node:crypto';
import { copyFile } from 'node:fs/promises';
import { resolve as absolute } from 'node:path';
import type { Duplex } from 'node:stream';
import { messageOf, PvmcError } from '../../system/error.ts';
import type { Progress } from '../../system/progress.ts';
import { copySparse } from '../../system/sparse-copy.ts';
import { AsyncQueue } from '../async-queue.ts';
import type { MachineEvent, OpenScreen, RunningMachine, SerialLine } from '../hypervisor.ts';
import type { Accelerator } from './command-line.ts';
import type { Ending, PowerRun } from './power-run.ts';
import { ACCELERATION_FAILED } from './start-failure.ts';

export interface PowerOnOptions {
  readonly name: string;
  readonly accelerator: Accelerator;
  /** Starts QEMU once. */
  readonly start: (accelerator: Accelerator, signal: AbortSignal) => Promise<PowerRun>;
  /** Told when KVM has failed, so that later machines need not try. */
  readonly onAccelerationFailed: (why: string) => void;
  readonly diskPath: string;
  readonly lastScreenPath: string;
  readonly progress: Progress;
}

const UNREAD_BYTES = 64 * 1024;

interface Turn {
  readonly run: PowerRun;
  /** Resolves when the run has ended: with the next one, if the machine goes on. */
  readonly next: Promise<Turn | undefined>;
}

export class RunningQemu implements RunningMachine {
  readonly link: SerialLine;
  readonly console: SerialLine | undefined;
  readonly stopped: Promise<MachineEvent>;
  readonly #events = new AsyncQueue<MachineEvent>();
  readonly #options: PowerOnOptions;
  readonly #stopping: AbortController;
  readonly #signal: AbortSignal;
  #run: PowerRun;
  #guestSpoke = false;
  #finish: (event: MachineEvent) => void = () => {};

  private constructor(options: PowerOnOptions, stopping: AbortController, run: PowerRun) {
    this.#options = options;
    this.#stopping = stopping;
    this.#signal = stopSignal(options.progress, stopping);
    this.#run = run;
    this.stopped = new Promise((resolve) => {
      this.#finish = (event) => {
        this.#events.put(event);
        this.#events.close();
        resolve(event);
      };
    });
    const first = this.#turn(run);
    this.link = this.#serialLine(first, ({ link }) => link);
    this.console = run.console && this.#serialLine(first, ({ console }) => console);
  }

  /** Switches the machine on. */
  static async powerOn(options: PowerOnOptions): Promise<RunningQemu> {
    const stopping = new AbortController();
    const signal = stopSignal(options.progress, stopping);
    try {
      const run = await options.start(options.accelerator, signal);
      return new RunningQemu(options, stopping, run);
    } catch (thrown) {
      if (!(thrown instanceof PvmcError) || thrown.code !== ACCELERATION_FAILED) throw thrown;
      sayFallback(options, messageOf(thrown));
      return new RunningQemu(options, stopping, await options.start('tcg', signal));
    }
  }

  get events(): AsyncIterable<MachineEvent> {
    return this.#events;
  }

  async screenshot(path: string): Promise<void> {
    try {
      await this.#run.screenshot(absolute(path));
    } catch (thrown) {
      await this.#copyLastScreen(path, thrown);
    }
  }

  async checkpoint(path: string, progress: Progress): Promise<void> {
    const signal = AbortSignal.any([progress.signal, this.#signal]);
    const run = this.#run;
    await run.pause();
    try {
      await copySparse(this.#options.diskPath, path, {
        signal,
        log: (line, origin) => progress.log(line, origin),
      });
    } catch (thrown) {
      await run.resume().catch(() => {});
      throw thrown;
    }
    await run.resume();
  }

  async openScreen(): Promise<OpenScreen> {
    // The protocol looks at the first eight characters only.
    const password = randomBytes(6).toString('base64url');
    const port = await this.#run.openScreen(password);
    return { address: `127.0.0.1:${port}`, password };
  }

  busyProcessors(): Promise<number | undefined> {
    return this.#run.busyProcessors();
  }

  async requestPowerOff(): Promise<void> {
    await this.#run.pressPowerButton();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.stopped;
  }

  /** The run that has ended left a picture of its last screen. */
  async #copyLastScreen(path: string, cause: unknown): Promise<void> {
    await this.#run.ended;
    try {
      await copyFile(this.#options.lastScreenPath, path);
    } catch {
      throw new PvmcError({
        kind: 'machine',
        code: 'screenshot-failed',
        message: `there is no picture of the screen of ${this.#options.name}: ${messageOf(cause)}`,
        cause,
      });
    }
  }

  /** One line of the machine, whichever run of QEMU it is at. */
  #serialLine(first: Turn, end: (run: PowerRun) => Duplex | undefined): SerialLine {
    const pieces = this.#read(first, end);
    return {
      [Symbol.asyncIterator]: () => pieces,
      write: (bytes) => {
        const stream = end(this.#run);
        // What a guest leaves unread is dropped before it fills our memory.
        if (stream?.writable && stream.writableLength < UNREAD_BYTES) stream.write(bytes);
      },
    };
  }

  async *#read(
    first: Turn,
    end: (run: PowerRun) => Duplex | undefined,
  ): AsyncGenerator<Uint8Array, void> {
    for (let turn: Turn | undefined = first; turn; turn = await turn.next) {
      const stream = end(turn.run);
      try {
        for await (const bytes of stream ?? []) {
          if (!(bytes instanceof Uint8Array)) continue;
          if (stream === turn.run.link) this.#guestSpoke = true;
          yield bytes;
        }
      } catch {
        // A line that breaks off is a line that has ended; how the machine ended tells why.
      }
    }
  }

  #turn(run: PowerRun): Turn {
    return { run, next: this.#after(run) };
  }

  async #after(run: PowerRun): Promise<Turn | undefined> {
    const ending = await run.ended;
    if (!this.#mayFallBack(run, ending)) {
      this.#finish(ending.event);
      return undefined;
    }
    sayFallback(this.#options, 'the processor does not run the guest (KVM internal error)');
    try {
      this.#run = await this.#options.start('tcg', this.#signal);
      return this.#turn(this.#run);
    } catch (thrown) {
      this.#finish(
        this.#signal.aborted
          ? { type: 'stopped', by: 'host' }
          : { type: 'crashed', reason: messageOf(thrown) },
      );
      return undefined;
    }
  }

  /** A guest that has spoken may have written to its disk: it is not started a second time unasked. */
  #mayFallBack(run: PowerRun, ending: Ending): boolean {
    if (this.#options.accelerator !== 'kvm' || !ending.internalError) return false;
    return !this.#guestSpoke && run.link.readableLength === 0;
  }
}

function stopSignal(progress: Progress, stopping: AbortController): AbortSignal {
  return AbortSignal.any([progress.signal, stopping.signal]);
}

function sayFallback({ progress, onAccelerationFailed }: PowerOnOptions, why: string): void {
  onAccelerationFailed(why);
  progress.notice(
    `${why}: the machine starts again in software emulation (TCG), some fifteen times slower`,
  );
}
