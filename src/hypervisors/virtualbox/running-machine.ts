/**
 * A machine that is switched on. VirtualBox runs it in a process of its own, which we do not own: what
 * becomes of it is read from its log and asked of VBoxManage. A reset, a crash or a disk error ends the
 * run, as on every hypervisor: the screen is photographed and the machine switched off.
 */
import { copyFile } from 'node:fs/promises';
import { resolve as absolute } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf, PvmcError } from '../../system/error.ts';
import { guardGroup } from '../../system/process-groups.ts';
import type { Progress } from '../../system/progress.ts';
import { copySparse } from '../../system/sparse-copy.ts';
import { AsyncQueue } from '../async-queue.ts';
import type { MachineEvent, RunningMachine } from '../hypervisor.ts';
import { LogReader, newsOf, processOf } from './machine-log.ts';
import { type PowerState, powerStateOf } from './machine-state.ts';
import type { SerialServer } from './serial-server.ts';
import type { VBoxManage } from './vboxmanage.ts';

export interface RunningOptions {
  readonly manage: VBoxManage;
  /** The machine's UUID. */
  readonly machine: string;
  readonly name: string;
  readonly link: SerialServer;
  /** VBox.log of this run. */
  readonly logPath: string;
  readonly diskPath: string;
  readonly lastScreenPath: string;
  readonly progress: Progress;
}

/** How often the log is looked at, which costs nothing, and VBoxManage asked, which costs a process. */
const LOOK_MILLISECONDS = 500;
const LOOKS_A_QUESTION = 10;
const LOOKS_A_PICTURE = 60;
const SCREEN_SECONDS = 20;
const STOP_SECONDS = 60;

export class RunningVirtualBox implements RunningMachine {
  readonly link: SerialServer;
  readonly stopped: Promise<MachineEvent>;
  readonly #options: RunningOptions;
  readonly #log: LogReader;
  readonly #events = new AsyncQueue<MachineEvent>();
  /** The first that was seen; what follows is only how the machine goes. */
  #ending: MachineEvent | undefined;
  #unguard = () => {};
  #stopping: Promise<void> | undefined;

  /** The machine has just been started. */
  constructor(options: RunningOptions) {
    this.#options = options;
    this.link = options.link;
    this.#log = new LogReader(options.logPath);
    const { signal } = options.progress;
    const abort = () => void this.stop().catch(() => {});
    signal.addEventListener('abort', abort, { once: true });
    this.stopped = this.#watch().finally(() => signal.removeEventListener('abort', abort));
    if (signal.aborted) abort();
  }

  get events(): AsyncIterable<MachineEvent> {
    return this.#events;
  }

  async screenshot(path: string): Promise<void> {
    try {
      await this.#photograph(path);
    } catch (thrown) {
      await copyFile(this.#options.lastScreenPath, path).catch(() => {
        throw noPicture(this.#options.name, thrown);
      });
    }
  }

  async checkpoint(path: string, progress: Progress): Promise<void> {
    const { signal } = progress;
    await this.#control(['pause'], { signal });
    try {
      await copySparse(this.#options.diskPath, path, {
        signal,
        log: (line, origin) => progress.log(line, origin),
      });
    } catch (thrown) {
      await this.#control(['resume']).catch(() => {});
      throw thrown;
    }
    await this.#control(['resume']);
  }

  /** VirtualBox does not tell which of its threads are the guest's. */
  async busyProcessors(): Promise<undefined> {}

  async requestPowerOff(): Promise<void> {
    await this.#control(['acpipowerbutton']);
  }

  async stop(): Promise<void> {
    this.#ending ??= { type: 'stopped', by: 'host' };
    await this.#switchOff();
    await this.stopped;
  }

  /** Looks until the machine is off. Trouble with VBoxManage is no reason to leave it unwatched. */
  async #watch(): Promise<MachineEvent> {
    let state: PowerState = 'on';
    for (let looks = 1; state === 'on'; looks += 1) {
      await this.#readLog();
      if (this.#ending && this.#ending.type !== 'stopped') {
        await this.#photograph(this.#options.lastScreenPath).catch(() => {});
        await this.#switchOff().catch(() => {});
      } else if (looks % LOOKS_A_PICTURE === 0 && !this.#ending) {
        await this.#photograph(this.#options.lastScreenPath).catch(() => {});
      }
      if (this.#ending || looks % LOOKS_A_QUESTION === 0) state = await this.#askState();
      if (state === 'on') await sleep(LOOK_MILLISECONDS);
    }
    await this.#readLog();
    return this.#finish(this.#ending ?? unexpectedEnd(state));
  }

  async #readLog(): Promise<void> {
    for (const line of await this.#log.newLines()) {
      const processId = processOf(line);
      // Whatever ends this program ends the machine too.
      if (processId !== undefined) this.#unguard = guardGroup(processId);
      this.#ending ??= newsOf(line);
    }
  }

  async #askState(): Promise<PowerState> {
    const { manage, machine, progress } = this.#options;
    return powerStateOf(manage, machine).catch((thrown: unknown) => {
      progress.log(messageOf(thrown), 'vboxmanage');
      return 'on';
    });
  }

  #finish(event: MachineEvent): MachineEvent {
    this.#unguard();
    this.link.close();
    this.#events.put(event);
    this.#events.close();
    return event;
  }

  #switchOff(): Promise<void> {
    this.#stopping ??= switchOff(this.#options.manage, this.#options.machine);
    return this.#stopping;
  }

  async #photograph(path: string): Promise<void> {
    await this.#control(['screenshotpng', absolute(path)], { limitSeconds: SCREEN_SECONDS });
  }

  async #control(
    command: readonly string[],
    options: Parameters<VBoxManage['run']>[1] = {},
  ): Promise<void> {
    const { manage, machine } = this.#options;
    await manage.run(['controlvm', machine, ...command], options);
  }
}

/** Switches a machine off and waits until it is; one that is off already is fine. */
export async function switchOff(manage: VBoxManage, machine: string): Promise<void> {
  const limit = performance.now() + STOP_SECONDS * 1000;
  let failure: unknown;
  while ((await powerStateOf(manage, machine)) === 'on') {
    if (performance.now() > limit) throw cannotStop(machine, failure);
    // A machine on its way up or down refuses; the next look tells.
    await manage.run(['controlvm', machine, 'poweroff']).catch((thrown: unknown) => {
      failure = thrown;
    });
    await sleep(LOOK_MILLISECONDS / 2);
  }
}

/** The log says nothing of it: it was ended by somebody else. */
function unexpectedEnd(state: PowerState): MachineEvent {
  const reasons: Readonly<Record<PowerState, string>> = {
    on: 'nobody knows why',
    off: 'somebody had VirtualBox switch it off',
    saved: 'somebody had VirtualBox save its state and stop it',
    aborted: 'the process of VirtualBox that ran it is gone',
    gone: 'somebody removed it from VirtualBox',
  };
  return { type: 'killed', reason: reasons[state], outOfMemory: false };
}

function noPicture(name: string, cause: unknown): PvmcError {
  return new PvmcError({
    kind: 'machine',
    code: 'screenshot-failed',
    message: `there is no picture of the screen of ${name}: ${messageOf(cause)}`,
    cause,
  });
}

function cannotStop(machine: string, cause: unknown): PvmcError {
  return new PvmcError({
    kind: 'machine',
    code: 'machine-not-stopped',
    message: `VirtualBox did not switch the machine ${machine} off in ${STOP_SECONDS} s`,
    hint: `Try: VBoxManage controlvm ${machine} poweroff`,
    cause,
  });
}
