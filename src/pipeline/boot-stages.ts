/**
 * Stages 3 and 4: the machine is started, and boots the medium until its constructor speaks. A kernel
 * that panics on the way under emulation is given another chance: QEMU's multi-threaded translation
 * now and then runs an instruction that Linux has just patched, and the kernel takes that for a trap of
 * its own (`int3: 0000`). It happens in the first seconds or never, on a busy host more than on an idle one.
 */
import { ConsoleReader } from '../console/console-reader.ts';
import type { Hypervisor, Machine, RunningMachine } from '../hypervisors/hypervisor.ts';
import { encodeHostMessage } from '../link/protocol.ts';
import { PvmcError } from '../system/error.ts';
import type { Releases } from '../system/releases.ts';
import type { BuildFolder } from './build-folder.ts';
import { Guest } from './guest.ts';
import { aborted, type StageProgress } from './stage-runner.ts';

export interface BootOptions {
  readonly folder: BuildFolder;
  readonly hypervisor: Hypervisor;
  /** `take`: the guest may offer one. */
  readonly checkpoint: { readonly type: 'start' | 'take' | 'none' };
  /** Stops the machine when the build is over. */
  readonly releases: Releases;
}

export interface Started {
  readonly running: RunningMachine;
  readonly guest: Guest;
  readonly console: ConsoleReader;
}

const MOST_STARTS = 3;

export class StartedMachine {
  readonly #options: BootOptions;
  readonly #machine: Machine;
  #now: Started;

  private constructor(options: BootOptions, machine: Machine, now: Started) {
    this.#options = options;
    this.#machine = machine;
    this.#now = now;
  }

  /** Stage 3. */
  static async start(
    options: BootOptions,
    machine: Machine,
    progress: StageProgress,
  ): Promise<StartedMachine> {
    const now = await start(options, machine, progress);
    const started = new StartedMachine(options, machine, now);
    options.releases.add('the running machine', () => started.now.running.stop());
    return started;
  }

  /** The machine as it was started last. */
  get now(): Started {
    return this.#now;
  }

  /** Stage 4: until the constructor has spoken, and is welcome. Gives its kernel's version. */
  async boot(progress: StageProgress): Promise<string> {
    for (let starts = 1; ; starts += 1) {
      try {
        return await this.#hello(progress);
      } catch (thrown) {
        if (starts === MOST_STARTS || !(await this.#mayBeEmulation(thrown))) throw thrown;
      }
      progress.notice(
        'The kernel panicked while it booted, as it now and then does in emulation: it is started again.',
      );
      await this.#now.running.stop();
      this.#now = await start(this.#options, this.#machine, progress);
    }
  }

  async #hello({ signal }: StageProgress): Promise<string> {
    const { guest, running } = this.#now;
    const { kernel } = await Promise.race([guest.hello, aborted(signal)]);
    const checkpoints = this.#options.checkpoint.type === 'take';
    running.link.write(encodeHostMessage({ type: 'welcome', checkpoints }));
    return kernel;
  }

  async #mayBeEmulation(thrown: unknown): Promise<boolean> {
    if (!(thrown instanceof PvmcError) || thrown.code !== 'guest-panicked') return false;
    const { acceleration } = await this.#options.hypervisor.capabilities();
    return !acceleration.available;
  }
}

async function start(
  { folder }: BootOptions,
  machine: Machine,
  progress: StageProgress,
): Promise<Started> {
  const console = await ConsoleReader.fromNow(folder.consoleLogPath);
  const running = await machine.start(progress);
  const guest = new Guest(running, {
    filesFolder: folder.guestFolder,
    note: (line) => progress.log(line, 'link'),
    console,
  });
  return { running, guest, console };
}
