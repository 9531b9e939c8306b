/** A machine of VirtualBox: registered with it, its settings in a folder of ours, its disk a raw file. */
import { mkdir, rm, rmdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { PvmcError } from '../../system/error.ts';
import type { Progress } from '../../system/progress.ts';
import { Releases } from '../../system/releases.ts';
import { createDisk, expectFile } from '../disk.ts';
import type { Machine, MachineSpecification, RunningMachine } from '../hypervisor.ts';
import {
  attachDisk,
  attachedDisk,
  attachMedium,
  configureCommands,
  createCommand,
  createdMachine,
  type Wanted,
} from './commands.ts';
import { writeFlatDisk } from './flat-disk.ts';
import { isNotFound, machineInfo, powerStateOf } from './machine-state.ts';
import { RunningVirtualBox, switchOff } from './running-machine.ts';
import { makeLinkAddress, SerialServer } from './serial-server.ts';
import { explained } from './start-failure.ts';
import type { ManageOptions, VBoxManage } from './vboxmanage.ts';

export class VirtualBoxMachine implements Machine {
  readonly name: string;
  readonly #manage: VBoxManage;
  readonly #wanted: Wanted;
  /** Its UUID. */
  readonly #machine: string;
  /** What was made, and is given back by `discard`. */
  readonly #made: Releases;
  #running: RunningVirtualBox | undefined;
  #isOn = false;

  private constructor(registered: Registered, manage: VBoxManage, made: Releases) {
    this.name = registered.wanted.specification.name;
    this.#manage = manage;
    this.#wanted = registered.wanted;
    this.#machine = registered.machine;
    this.#made = made;
  }

  /** Makes the machine, or nothing. @throws PvmcError `machine-exists`, `disk-exists`, … */
  static async create(
    manage: VBoxManage,
    specification: MachineSpecification,
    progress: Progress,
  ): Promise<VirtualBoxMachine> {
    await expectFile(specification.mediumPath, 'medium');
    const tell = (what: string, failure: unknown) =>
      progress.log(`${what} could not be removed: ${String(failure)}`, 'virtualbox');
    const made = new Releases(tell);
    const newDisk = new Releases(tell);
    try {
      if (specification.disk.type === 'create') {
        const { path } = specification.disk;
        await createDisk(specification.disk);
        newDisk.add(path, () => rm(path, { force: true }));
      } else await expectFile(specification.disk.path, 'disk');
      const wanted = await makeFiles(manage, specification, made);
      const machine = await register(manage, { wanted, made, progress });
      return new VirtualBoxMachine({ wanted, machine }, manage, made);
    } catch (thrown) {
      await made.releaseAll();
      await newDisk.releaseAll();
      throw thrown;
    }
  }

  async start(progress: Progress): Promise<RunningMachine> {
    if (this.#isOn) throw alreadyRunning(this.name);
    const { files, specification } = this.#wanted;
    const info = await machineInfo(this.#manage, this.#machine, optionsOf(progress));
    const link = await SerialServer.listen(files.linkAddress);
    this.#made.add('the link', () => link.destroy());
    try {
      await this.#tell(['startvm', this.#machine, '--type', 'headless'], progress);
    } catch (thrown) {
      link.destroy();
      await switchOff(this.#manage, this.#machine).catch(() => {});
      throw thrown;
    }
    const running = new RunningVirtualBox({
      manage: this.#manage,
      machine: this.#machine,
      name: this.name,
      link,
      logPath: join(info.get('LogFldr') ?? '', 'VBox.log'),
      diskPath: specification.disk.path,
      lastScreenPath: join(specification.runtimeFolder, 'last-screen.png'),
      progress,
    });
    this.#running = running;
    this.#isOn = true;
    void this.#watch(running);
    return running;
  }

  async detachMedium(): Promise<void> {
    if (this.#isOn) throw alreadyRunning(this.name);
    await this.#manage.run(attachMedium(this.#machine, 'emptydrive'));
  }

  async discard(): Promise<void> {
    await this.#running?.stop();
    await this.#made.releaseAll();
  }

  async #watch(running: RunningVirtualBox): Promise<void> {
    await running.stopped;
    this.#isOn = false;
  }

  async #tell(args: readonly string[], progress: Progress): Promise<void> {
    try {
      await this.#manage.run(args, optionsOf(progress));
    } catch (thrown) {
      throw explained(thrown, this.#wanted);
    }
  }
}

interface Registered {
  readonly wanted: Wanted;
  /** The machine's UUID. */
  readonly machine: string;
}

/** The files that the machine is made of. */
async function makeFiles(
  manage: VBoxManage,
  specification: MachineSpecification,
  made: Releases,
): Promise<Wanted> {
  const { runtimeFolder, disk } = specification;
  const dialect = await manage.dialect();
  const madeFolder = await mkdir(runtimeFolder, { recursive: true, mode: 0o700 });
  if (madeFolder !== undefined) made.add(runtimeFolder, () => removeEmptyFolder(runtimeFolder));
  made.add('the last picture', () => rm(join(runtimeFolder, 'last-screen.png'), { force: true }));
  const flatDiskPath = join(runtimeFolder, 'disk.vmdk');
  made.add(flatDiskPath, () => rm(flatDiskPath, { force: true }));
  await writeFlatDisk(flatDiskPath, disk.path);
  const link = await makeLinkAddress(specification.name);
  made.add(link.path, () => link.release());
  const files = { baseFolder: runtimeFolder, flatDiskPath, linkAddress: link.path };
  return { specification, files, dialect };
}

/** Returns the machine's UUID. */
async function register(
  manage: VBoxManage,
  { wanted, made, progress }: { wanted: Wanted; made: Releases; progress: Progress },
): Promise<string> {
  const options = optionsOf(progress);
  const { name } = wanted.specification;
  if ((await powerStateOf(manage, name, options)) !== 'gone') throw nameTaken(name);
  try {
    const { stdout } = await manage.run(createCommand(wanted), options);
    const machine = createdMachine(stdout) ?? name;
    made.add(`the machine ${name}`, () => unregister(manage, { machine, wanted }));
    for (const command of configureCommands(machine, wanted)) await manage.run(command, options);
    return machine;
  } catch (thrown) {
    throw explained(thrown, wanted);
  }
}

/**
 * `unregistervm --delete` removes the disks that are attached, and the disk is not ours to remove: it and
 * the medium are taken out first, and forgotten, so that their paths are free for other machines.
 */
async function unregister(manage: VBoxManage, { machine, wanted }: Registered): Promise<void> {
  const { specification, files } = wanted;
  try {
    if ((await powerStateOf(manage, machine)) === 'saved')
      await manage.run(['discardstate', machine]);
    const attached = attachedDisk(await machineInfo(manage, machine));
    await manage.run(attachDisk(machine, 'none'));
    // Over a disk that stays as it is VirtualBox has laid a file of its own, which nobody else removes.
    const ours = [undefined, 'none', resolve(files.flatDiskPath)];
    if (specification.disk.type === 'throw-away' && !ours.includes(attached))
      await manage.run(['closemedium', 'disk', attached ?? '', '--delete']);
    await manage.run(attachMedium(machine, 'none'));
  } catch (thrown) {
    // It was made only in part, or somebody else has removed it.
    if (!isNotFound(thrown)) throw thrown;
  }
  const forget = async (kind: 'disk' | 'dvd', path: string) => {
    // Another machine may have it too, or nobody any more.
    await manage.run(['closemedium', kind, path]).catch(() => {});
  };
  await forget('disk', files.flatDiskPath);
  if (specification.mediumPath !== undefined) await forget('dvd', specification.mediumPath);
  await manage.run(['unregistervm', machine, '--delete']).catch((thrown: unknown) => {
    if (!isNotFound(thrown)) throw thrown;
  });
}

function optionsOf(progress: Progress): ManageOptions {
  return { signal: progress.signal, log: (line, origin) => progress.log(line, origin) };
}

async function removeEmptyFolder(path: string): Promise<void> {
  // What is left in it says why: VirtualBox's log of a machine that failed.
  await rmdir(path).catch(() => {});
}

function nameTaken(name: string): PvmcError {
  return new PvmcError({
    kind: 'host',
    code: 'machine-exists',
    message: `VirtualBox has a machine ${name} already, which is not touched`,
    hint: `Remove it if you do not need it: VBoxManage unregistervm ${name} --delete`,
  });
}

function alreadyRunning(name: string): PvmcError {
  return new PvmcError({
    kind: 'machine',
    code: 'machine-running',
    message: `the machine ${name} is already running`,
    hint: 'Wait until it is off, or stop it.',
  });
}
