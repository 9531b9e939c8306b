/** A machine of QEMU: the files it is made of, and the way from created to discarded. */
import { copyFile, mkdir, readFile, rm, rmdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { PvmcError, systemCodeOf } from '../../system/error.ts';
import type { Progress } from '../../system/progress.ts';
import { commandLine } from '../../system/run.ts';
import { startTimeOf } from '../../system/start-time.ts';
import { createDisk, expectFile } from '../disk.ts';
import type { Machine, MachineSpecification, RunningMachine } from '../hypervisor.ts';
import { type Accelerator, type QemuFiles, qemuArguments } from './command-line.ts';
import { credentialStrings } from './credentials.ts';
import { findUefiFirmware } from './firmware.ts';
import { createOverlay, OVERLAY } from './overlay.ts';
import { PowerRun } from './power-run.ts';
import { RunningQemu } from './running-machine.ts';

/** Milliseconds that an orphaned QEMU may take to give its memory back and end, and between two looks at it. */
const LONGEST_DEATH = 5000;
const LOOK_EVERY = 100;

/** What the hypervisor knows about this host. */
export interface QemuHost {
  readonly program: string;
  readonly sandbox: boolean;
  acceleration(): Promise<{ readonly accelerator: Accelerator; readonly why: string }>;
  accelerationFailed(why: string): void;
}

export class QemuMachine implements Machine {
  readonly #host: QemuHost;
  readonly #runtimeFolder: string;
  readonly #madeFolder: boolean;
  #specification: MachineSpecification;
  #running: RunningQemu | undefined;
  #isOn = false;

  private constructor(host: QemuHost, specification: MachineSpecification, madeFolder: boolean) {
    this.#host = host;
    this.#specification = specification;
    this.#runtimeFolder = specification.runtimeFolder;
    this.#madeFolder = madeFolder;
  }

  /** Makes the machine's folder, its disk and its UEFI variables, or nothing. */
  static async create(host: QemuHost, specification: MachineSpecification): Promise<QemuMachine> {
    await expectFile(specification.mediumPath, 'medium');
    const { disk } = specification;
    if (disk.type !== 'create') await expectFile(disk.path, 'disk');
    const uefi = specification.firmware === 'uefi' ? await findUefiFirmware() : undefined;
    const made = await mkdir(specification.runtimeFolder, { recursive: true, mode: 0o700 });
    const machine = new QemuMachine(host, specification, made !== undefined);
    await machine.#refuseWhileRunning();
    if (disk.type === 'create') await createDisk(disk);
    if (disk.type === 'throw-away') await createOverlay(disk.path, machine.#path(OVERLAY));
    if (uefi) await copyFile(uefi.variablesPath, machine.#path('uefi-variables.fd'));
    return machine;
  }

  get name(): string {
    return this.#specification.name;
  }

  async start(progress: Progress): Promise<RunningMachine> {
    if (this.#isOn) throw alreadyRunning(this.name, undefined);
    const { accelerator, why } = await this.#host.acceleration();
    progress.log(accelerator === 'kvm' ? why : `software emulation (TCG): ${why}`, 'pvmc');
    const running = await RunningQemu.powerOn({
      name: this.name,
      accelerator,
      start: (chosen, signal) => this.#powerOn(chosen, { signal, progress }),
      onAccelerationFailed: (reason) => this.#host.accelerationFailed(reason),
      diskPath: this.#specification.disk.path,
      lastScreenPath: this.#path('last-screen.png'),
      progress,
    });
    this.#running = running;
    this.#isOn = true;
    void this.#watch(running);
    return running;
  }

  async detachMedium(): Promise<void> {
    if (this.#isOn) throw alreadyRunning(this.name, undefined);
    const { mediumPath: _, ...without } = this.#specification;
    this.#specification = without;
  }

  /** QEMU's own log stays when it says something: it may be the reason for what went wrong. */
  async discard(): Promise<void> {
    await this.#running?.stop();
    for (const file of [OVERLAY, 'uefi-variables.fd', 'last-screen.png', 'qemu.pid'])
      await rm(this.#path(file), { force: true });
    await rm(this.#path('credentials'), { recursive: true, force: true });
    if ((await sizeOf(this.#path('qemu.log'))) === 0)
      await rm(this.#path('qemu.log'), { force: true });
    if (this.#madeFolder) await removeEmptyFolder(this.#runtimeFolder);
  }

  async #watch(running: RunningQemu): Promise<void> {
    await running.stopped;
    this.#isOn = false;
  }

  async #powerOn(
    accelerator: Accelerator,
    { signal, progress }: { readonly signal: AbortSignal; readonly progress: Progress },
  ): Promise<PowerRun> {
    await rm(this.#path('last-screen.png'), { force: true });
    const smbiosStringPaths = await this.#writeCredentials();
    const overlayPath = this.#path(OVERLAY);
    const files = { uefi: await this.#uefiFiles(), smbiosStringPaths, overlayPath };
    const specification = this.#specification;
    const argv = [
      this.#host.program,
      ...qemuArguments({ specification, files, accelerator, sandbox: this.#host.sandbox }),
    ];
    progress.log(commandLine(argv), 'qemu');
    try {
      const run = await PowerRun.start({
        specification,
        accelerator,
        argv,
        logPath: this.#path('qemu.log'),
        lastScreenPath: this.#path('last-screen.png'),
        signal,
      });
      await this.#writePidFile(run);
      return run;
    } finally {
      // QEMU has read them by now; a secret stays on the host's disk no longer than it must.
      await rm(this.#path('credentials'), { recursive: true, force: true });
    }
  }

  async #uefiFiles(): Promise<QemuFiles['uefi']> {
    if (this.#specification.firmware === 'bios') return undefined;
    const { codePath } = await findUefiFirmware();
    return { codePath, variablesPath: this.#path('uefi-variables.fd') };
  }

  async #writeCredentials(): Promise<string[]> {
    const strings = credentialStrings(this.#specification.credentials ?? {});
    const folder = this.#path('credentials');
    const paths = strings.map((_, index) => join(folder, String(index)));
    if (strings.length > 0) await mkdir(folder, { recursive: true, mode: 0o700 });
    for (const [index, path] of paths.entries())
      await writeFile(path, strings[index] ?? '', { mode: 0o600 });
    return paths;
  }

  async #writePidFile({ pid }: PowerRun): Promise<void> {
    if (pid === undefined) return;
    await writeFile(this.#path('qemu.pid'), `${pid} ${(await startTimeOf(pid)) ?? ''}\n`);
  }

  /**
   * QEMU dies with the pvmc that started it, if not at the same instant; so one that goes on running
   * belongs to another pvmc.
   */
  async #refuseWhileRunning(): Promise<void> {
    const text = await readFile(this.#path('qemu.pid'), 'utf8').catch(() => '');
    const [pid = '', startTime = ''] = text.trim().split(' ');
    if (startTime === '') return;
    for (let waited = 0; (await startTimeOf(Number(pid))) === startTime; waited += LOOK_EVERY) {
      if (waited >= LONGEST_DEATH) throw alreadyRunning(this.name, pid);
      await setTimeout(LOOK_EVERY);
    }
  }

  #path(name: string): string {
    return join(this.#runtimeFolder, name);
  }
}

function alreadyRunning(name: string, pid: string | undefined): PvmcError {
  return new PvmcError({
    kind: 'host',
    code: 'machine-running',
    message: `the machine ${name} is running${pid === undefined ? '' : ` (process ${pid})`}`,
    hint: 'Wait for the other pvmc, or end it.',
  });
}

async function sizeOf(path: string): Promise<number | undefined> {
  return stat(path).then(
    ({ size }) => size,
    () => undefined,
  );
}

async function removeEmptyFolder(path: string): Promise<void> {
  try {
    await rmdir(path);
  } catch (thrown) {
    // What we did not put there, or QEMU's log, stays.
    if (!['ENOTEMPTY', 'EEXIST', 'ENOENT'].includes(systemCodeOf(thrown) ?? '')) throw thrown;
  }
}
