/**
 * Watches a running machine from outside: its end, its console, its probe. Each wait ends with what
 * it waited for, or with what came in its way.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { ConsoleLog } from '../console/console-log.ts';
import type { MachineEvent, RunningMachine } from '../hypervisors/hypervisor.ts';
import { Deadline } from '../link/deadline.ts';
import { PvmcError } from '../system/error.ts';
import { diagnose, type Interruption, showsEnd } from './diagnosis.ts';
import { ProbeListener } from './probe-listener.ts';
import type { ProbeMessage } from './probe-message.ts';
import type { VerifyProgress } from './progress.ts';

export type Waited<T> = { readonly type: 'came'; readonly value: T } | Interruption;

export interface WaitLimits {
  readonly limitSeconds: number;
  /** No limit unless given. */
  readonly silenceSeconds?: number | undefined;
}

export interface WatchOptions {
  readonly running: RunningMachine;
  /** The machine's link, or a copy of what comes over it. */
  readonly link: AsyncIterable<Uint8Array>;
  readonly console: ConsoleLog;
  readonly progress: VerifyProgress;
  readonly onMessage: (message: ProbeMessage) => void;
  /** How long nothing is heard after a sign of the end until it is believed. */
  readonly stuckSeconds: number;
}

export class Watch {
  readonly probe: ProbeListener;
  /** The first thing that happens to the machine: none of them is part of a good boot. */
  readonly ended: Promise<MachineEvent>;
  readonly #options: WatchOptions;
  readonly #listeners = new Set<() => void>();

  constructor(options: WatchOptions) {
    this.#options = options;
    this.probe = new ProbeListener(options.link, (message) => {
      this.#heard();
      options.onMessage(message);
    });
    this.ended = firstEvent(options.running);
  }

  /** Waits for the machine's end, or until it takes too long. @throws as `wait`. */
  async waitForEnd(limitSeconds: number): Promise<Interruption> {
    const waited = await this.wait(this.ended, { limitSeconds });
    return waited.type === 'came' ? { type: 'ended', event: waited.value } : waited;
  }

  /** @throws the reason of the progress's signal when that aborts. */
  async wait<T>(happening: Promise<T>, limits: WaitLimits): Promise<Waited<T>> {
    const over = new AbortController();
    using deadline = new Deadline({ ...limits, what: 'the wait' });
    const heard = () => deadline.heard();
    this.#listeners.add(heard);
    try {
      return await Promise.race([
        happening.then((value): Waited<T> => ({ type: 'came', value })),
        this.ended.then((event): Waited<T> => ({ type: 'ended', event })),
        this.#lookAtConsole(over.signal),
        limitOf(deadline, limits),
        reasonOf(this.#options.progress.signal, over.signal),
      ]);
    } finally {
      over.abort();
      this.#listeners.delete(heard);
    }
  }

  /** Why a wait was interrupted, as a clause. */
  async diagnose(interruption: Interruption): Promise<string> {
    return diagnose({
      interruption,
      console: await this.#options.console.lines(),
      probeSpoke: this.probe.spoke,
      waitingFor: this.probe.waitingFor,
    });
  }

  /** Notices that the console grows. Ends when it shows the end and nothing is heard after it. */
  async #lookAtConsole(over: AbortSignal): Promise<Interruption> {
    const { console, stuckSeconds } = this.#options;
    const lookSeconds = Math.min(2, stuckSeconds / 4);
    let size = -1;
    let lastHeard = performance.now();
    const heard = () => {
      lastHeard = performance.now();
    };
    this.#listeners.add(heard);
    try {
      for (;;) {
        const grown = await console.sizeBytes();
        if (grown !== size) this.#heard();
        size = grown;
        const quiet = performance.now() - lastHeard >= stuckSeconds * 1000;
        if (quiet && showsEnd(await console.lines(), this.probe.spoke)) return { type: 'stuck' };
        if (!(await pause(lookSeconds, over))) return { type: 'stuck' };
      }
    } finally {
      this.#listeners.delete(heard);
    }
  }

  #heard(): void {
    this.#options.progress.heard();
    for (const listener of this.#listeners) listener();
  }
}

async function firstEvent(running: RunningMachine): Promise<MachineEvent> {
  for await (const event of running.events) return event;
  return running.stopped;
}

function limitOf({ signal }: Deadline, limits: WaitLimits): Promise<Interruption> {
  const { limitSeconds, silenceSeconds = limitSeconds } = limits;
  return new Promise((resolve) => {
    const tell = () => {
      const silent = signal.reason instanceof PvmcError && signal.reason.code === 'silence-limit';
      resolve(
        silent
          ? { type: 'silent', seconds: silenceSeconds }
          : { type: 'too-long', seconds: limitSeconds },
      );
    };
    signal.addEventListener('abort', tell, { once: true });
  });
}

/** Rejects when the run is ended; never resolves. */
function reasonOf(signal: AbortSignal, over: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener('abort', () => reject(signal.reason), { once: true, signal: over });
  });
}

/** False when it was cut short. */
function pause(seconds: number, over: AbortSignal): Promise<boolean> {
  return delay(seconds * 1000, true, { signal: over }).catch(() => false);
}
