/** VirtualBox behind the one interface of all hypervisors. */
import type { Progress } from '../../system/progress.ts';
import type { Capabilities, Hypervisor, Machine, MachineSpecification } from '../hypervisor.ts';
import type { Importer } from '../importer.ts';
import {
  type Execution,
  factsOfHost,
  type HostFacts,
  kvmWarning,
  probeExecution,
} from './execution.ts';
import { VirtualBoxImporter } from './importer.ts';
import { findVBoxManage } from './locate.ts';
import { VirtualBoxMachine } from './machine.ts';
import { VBoxManage } from './vboxmanage.ts';

export interface VirtualBoxOptions {
  /** VBoxManage's path; looked for unless told. */
  readonly program?: string;
  /** What this computer can do; looked for unless told. */
  readonly facts?: () => Promise<HostFacts | undefined>;
}

export function virtualBoxHypervisor(options: VirtualBoxOptions = {}): Hypervisor {
  return new VirtualBox(options);
}

class VirtualBox implements Hypervisor {
  readonly name = 'virtualbox';
  readonly #options: VirtualBoxOptions;
  #manage: Promise<VBoxManage> | undefined;
  #facts: Promise<HostFacts | undefined> | undefined;
  #execution: Promise<Execution> | undefined;

  constructor(options: VirtualBoxOptions) {
    this.#options = options;
  }

  async version(): Promise<string> {
    const { version } = await (await this.#find()).dialect();
    return `VirtualBox ${version}`;
  }

  async capabilities(): Promise<Capabilities> {
    // The machine's firmware tables have room for a name, not for a script of credentials.
    return { acceleration: await this.#execute(), credentials: false, checkpoints: true };
  }

  async create(specification: MachineSpecification, progress: Progress): Promise<Machine> {
    progress.signal.throwIfAborted();
    const manage = await this.#find();
    await this.#execute();
    const warning = kvmWarning(await this.#look(), await manage.dialect());
    if (warning !== undefined) progress.notice(warning);
    return VirtualBoxMachine.create(manage, specification, progress);
  }

  async importer(): Promise<Importer> {
    const manage = await this.#find();
    return new VirtualBoxImporter(manage, await manage.dialect());
  }

  #find(): Promise<VBoxManage> {
    const { program } = this.#options;
    this.#manage ??= (program === undefined ? findVBoxManage() : Promise.resolve(program)).then(
      (path) => new VBoxManage(path),
    );
    return this.#manage;
  }

  #look(): Promise<HostFacts | undefined> {
    this.#facts ??= (this.#options.facts ?? factsOfHost)();
    return this.#facts;
  }

  #execute(): Promise<Execution> {
    this.#execution ??= this.#probe();
    return this.#execution;
  }

  async #probe(): Promise<Execution> {
    const manage = await this.#find();
    // A VirtualBox that is too old or broken says so first.
    await manage.dialect();
    return probeExecution(manage, await this.#look());
  }
}
