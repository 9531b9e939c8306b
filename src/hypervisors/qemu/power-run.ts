/**
 * One QEMU process from power-on to its end.
 *
 * It starts paused; the machine goes on once QMP answers, so that nothing happens unseen. Whatever
 * ends the run (power-off, reset, panic, I/O error, a stall, an abort) pauses the machine first: then its last
 * screen is photographed, QEMU is asked to quit, and killed when it does not.
 */
import { readFile, stat } from 'node:fs/promises';
import type { Duplex } from 'node:stream';
import { z } from 'zod';
import { PvmcError } from '../../system/error.ts';
import { memoryKills } from '../../system/memory-kills.ts';
import type { MachineEvent, MachineSpecification } from '../hypervisor.ts';
import type { Accelerator } from './command-line.ts';
import { type ProcessEnd, type QemuProcess, startProcess } from './process.ts';
import { countBusy } from './processors.ts';
import { Pulse } from './pulse.ts';
import { QmpClient, type QmpEvent } from './qmp.ts';
import { howItEnded, startFailure } from './start-failure.ts';

export interface PowerRunOptions {
  readonly specification: MachineSpecification;
  readonly accelerator: Accelerator;
  readonly argv: readonly string[];
  readonly logPath: string;
  readonly lastScreenPath: string;
  /** Ends the run, at any time. */
  readonly signal: AbortSignal;
}

export interface Ending {
  readonly event: MachineEvent;
  /** QEMU's run state `internal-error`: under KVM, the processor could not run the guest. */
  readonly internalError: boolean;
}

const QUIT_SECONDS = 5;
const SCREEN_SECONDS = 5;
/** Whether QEMU answers in time is for the pulse to say. */
const UNHURRIED_SECONDS = 24 * 60 * 60;

export class PowerRun {
  /** Resolves when the process is gone, with why. */
  readonly ended: Promise<Ending>;
  readonly #options: PowerRunOptions;
  readonly #process: QemuProcess;
  #qmp: QmpClient | undefined;
  #pulse: Pulse | undefined;
  #memoryKills: number | undefined;
  #ending: Ending | undefined;
  #concluded: Promise<void> | undefined;

  private constructor(options: PowerRunOptions) {
    this.#options = options;
    const { argv, logPath, specification } = options;
    const openConsole = specification.console === 'open';
    this.#process = startProcess({ argv, logPath, openConsole });
    this.ended = this.#process.ended.then((end) => this.#finish(end));
  }

  /**
   * Starts the process and lets the machine go.
   * @throws PvmcError with QEMU's reason for not starting; the signal's reason when it was aborted.
   */
  static async start(options: PowerRunOptions): Promise<PowerRun> {
    const logStart = await sizeOf(options.logPath);
    // Nothing is waited for between this and the listener: an abort in between would never be heard.
    options.signal.throwIfAborted();
    const run = new PowerRun(options);
    options.signal.addEventListener('abort', run.#abort, { once: true });
    try {
      run.#qmp = await QmpClient.connect(run.#process.qmp, (event) => run.#onEvent(event));
      await run.#qmp.execute('cont');
      await run.#watch();
      return run;
    } catch (thrown) {
      run.#process.kill();
      const end = await run.#process.ended;
      options.signal.throwIfAborted();
      if (!(thrown instanceof PvmcError) || thrown.code !== 'qmp-closed') throw thrown;
      const said = (await readFile(options.logPath)).subarray(logStart).toString('utf8');
      throw startFailure({ ...options, said, end });
    }
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  get link(): Duplex {
    return this.#process.link;
  }

  get console(): Duplex | undefined {
    return this.#process.console;
  }

  /** Shows the screen to who knows the password, and tells at which port. */
  async openScreen(password: string): Promise<number> {
    await this.#execute('set_password', { protocol: 'vnc', password });
    const answer = await this.#execute('query-vnc');
    return Number(z.object({ service: z.string() }).parse(answer).service);
  }

  /** Halts the processors, and returns when nothing is on its way to the disk any more. */
  async pause(): Promise<void> {
    await this.#execute('stop');
  }

  async resume(): Promise<void> {
    await this.#execute('cont');
  }

  async busyProcessors(): Promise<number | undefined> {
    const { pid } = this.#process;
    if (pid === undefined) return undefined;
    return countBusy(pid, await this.#execute('query-cpus-fast'));
  }

  /** Writes a PNG of the screen; throws when the process is gone. */
  async screenshot(path: string): Promise<void> {
    await this.#execute('screendump', { filename: path, format: 'png' }, SCREEN_SECONDS);
  }

  async pressPowerButton(): Promise<void> {
    await this.#execute('system_powerdown');
  }

  #execute(command: string, args?: Record<string, unknown>, seconds?: number): Promise<unknown> {
    if (!this.#qmp) throw new TypeError('the machine has not started yet');
    return this.#qmp.execute(command, args, seconds);
  }

  async #watch(): Promise<void> {
    this.#memoryKills = await memoryKills();
    const { pid } = this.#process;
    if (pid === undefined || this.#ending) return;
    this.#pulse = new Pulse({
      pid,
      ask: () => this.#execute('query-status', {}, UNHURRIED_SECONDS),
      onStalled: (reason) => {
        // Only a process that goes on can be asked for its last screen.
        this.#process.wake();
        this.#conclude({ type: 'stalled', reason });
      },
    });
  }

  readonly #abort = () => {
    this.#conclude({ type: 'stopped', by: 'host' });
  };

  #onEvent(event: QmpEvent): void {
    switch (event.name) {
      case 'SHUTDOWN':
        this.#conclude(shutdownEvent(event));
        return;
      case 'GUEST_PANICKED':
        this.#conclude({ type: 'panicked' });
        return;
      case 'BLOCK_IO_ERROR':
        this.#conclude({ type: 'disk-error', reason: ioErrorReason(event) });
        return;
      case 'STOP':
        // The reasons above are said before the stop; an internal error is not said at all.
        void this.#lookForInternalError();
        return;
      default:
        return;
    }
  }

  async #lookForInternalError(): Promise<void> {
    const answer = await this.#execute('query-status').catch(() => undefined);
    if (z.object({ status: z.literal('internal-error') }).safeParse(answer).success)
      this.#conclude({ type: 'crashed', reason: 'QEMU reports an internal error' }, true);
  }

  /** The first reason counts; what follows is only how QEMU goes. */
  #conclude(event: MachineEvent, internalError = false): void {
    if (this.#ending) return;
    this.#ending = { event, internalError };
    this.#pulse?.end();
    this.#concluded = this.#quit();
  }

  async #quit(): Promise<void> {
    const timer = setTimeout(() => this.#process.kill(), (SCREEN_SECONDS + QUIT_SECONDS) * 1000);
    try {
      if (!this.#qmp) {
        this.#process.kill();
        return;
      }
      await this.screenshot(this.#options.lastScreenPath).catch(() => {});
      await this.#qmp.execute('quit', {}, QUIT_SECONDS).catch(() => {});
      await this.#process.ended;
    } finally {
      clearTimeout(timer);
    }
  }

  async #finish(end: ProcessEnd): Promise<Ending> {
    this.#options.signal.removeEventListener('abort', this.#abort);
    this.#pulse?.end();
    await this.#concluded;
    return this.#ending ?? { event: await this.#unexpectedEnd(end), internalError: false };
  }

  /** The process went without a word: killed by somebody, or broken. */
  async #unexpectedEnd(end: ProcessEnd): Promise<MachineEvent> {
    if (end.signal === 'SIGKILL') {
      const outOfMemory = ((await memoryKills()) ?? 0) > (this.#memoryKills ?? Infinity);
      return killed('QEMU was killed (SIGKILL)', outOfMemory);
    }
    if (end.status === 0 || end.signal === 'SIGTERM') return killed('somebody told QEMU to end');
    return { type: 'crashed', reason: `QEMU failed: ${howItEnded(end)}` };
  }
}

function shutdownEvent({ data }: QmpEvent): MachineEvent {
  switch (data['reason']) {
    case 'guest-shutdown':
      return { type: 'stopped', by: 'guest' };
    case 'guest-reset':
      return { type: 'reset' };
    case 'guest-panic':
      return { type: 'panicked' };
    default:
      // `host-signal`, `host-qmp-quit`: we have concluded before we ask QEMU to go, so it was not us.
      return killed('somebody told QEMU to end (SIGTERM, for instance)');
  }
}

function ioErrorReason({ data }: QmpEvent): string {
  if (data['nospace'] === true) return 'no space is left on the host for the disk of the machine';
  const word = (name: string) => (typeof data[name] === 'string' ? data[name] : `unknown ${name}`);
  return `a ${word('operation')} on the disk of the machine failed: ${word('reason')}`;
}

function killed(reason: string, outOfMemory = false): MachineEvent {
  return { type: 'killed', reason, outOfMemory };
}

async function sizeOf(path: string): Promise<number> {
  return stat(path).then(
    ({ size }) => size,
    () => 0,
  );
}
