/** QEMU behind the one interface of all hypervisors. */
import { PvmcError } from '../../system/error.ts';
import type { Progress } from '../../system/progress.ts';
import { run } from '../../system/run.ts';
import type { Capabilities, Hypervisor, Machine, MachineSpecification } from '../hypervisor.ts';
import type { Importer } from '../importer.ts';
import { type Acceleration, probeAcceleration } from './acceleration.ts';
import { SANDBOX_ARGUMENTS } from './command-line.ts';
import { QemuImporter } from './importer.ts';
import { QemuMachine } from './machine.ts';

/** The first with PNG screenshots. Debian 12 has 7.2, Debian 13 has 10.0. */
const OLDEST_VERSION = [7, 1] as const;

export interface QemuOptions {
  /** The program to start; `qemu-system-x86_64` unless told. */
  readonly program?: string;
  /** Looks whether the processor can be used; a host's own answer unless told. */
  readonly probe?: (program: string) => Promise<Acceleration>;
}

interface Installed {
  readonly version: string;
  readonly sandbox: boolean;
}

export function qemuHypervisor(options: QemuOptions = {}): Hypervisor {
  return new Qemu(options);
}

class Qemu implements Hypervisor {
  readonly name = 'qemu';
  readonly #program: string;
  readonly #probe: (program: string) => Promise<Acceleration>;
  #installed: Promise<Installed> | undefined;
  #acceleration: Promise<Acceleration> | undefined;

  constructor({ program = 'qemu-system-x86_64', probe }: QemuOptions) {
    this.#program = program;
    this.#probe = probe ?? ((tried) => probeAcceleration({ program: tried }));
  }

  async version(): Promise<string> {
    return (await this.#look()).version;
  }

  async capabilities(): Promise<Capabilities> {
    await this.#look();
    return { acceleration: await this.#accelerate(), credentials: true, checkpoints: true };
  }

  async create(specification: MachineSpecification, progress: Progress): Promise<Machine> {
    progress.signal.throwIfAborted();
    const { sandbox } = await this.#look();
    const host = {
      program: this.#program,
      sandbox,
      acceleration: async () => {
        const { available, why } = await this.#accelerate();
        return { accelerator: available ? ('kvm' as const) : ('tcg' as const), why };
      },
      accelerationFailed: (why: string) => {
        this.#acceleration = Promise.resolve({ available: false, why });
      },
    };
    return QemuMachine.create(host, specification);
  }

  async importer(): Promise<Importer> {
    await this.#look();
    return new QemuImporter(this.#program);
  }

  #look(): Promise<Installed> {
    this.#installed ??= look(this.#program);
    return this.#installed;
  }

  #accelerate(): Promise<Acceleration> {
    this.#acceleration ??= this.#probe(this.#program);
    return this.#acceleration;
  }
}

/** One look tells both: a QEMU without seccomp refuses the sandbox before it says its version. */
async function look(program: string): Promise<Installed> {
  const ask = (args: readonly string[]) =>
    run([program, ...args, '-version'], { accept: [0, 1] }).catch((thrown: unknown) => {
      throw missingProgram(program, thrown);
    });
  const locked = await ask(SANDBOX_ARGUMENTS);
  const answer = locked.status === 0 ? locked : await ask([]);
  return { version: checkedVersion(program, answer.stdout), sandbox: locked.status === 0 };
}

function checkedVersion(program: string, said: string): string {
  const match = /version (\d+)\.(\d+)(?:\.\d+)?/.exec(said);
  const [oldestMajor, oldestMinor] = OLDEST_VERSION;
  const [major, minor] = [Number(match?.[1] ?? 0), Number(match?.[2] ?? 0)];
  if (!match || major < oldestMajor || (major === oldestMajor && minor < oldestMinor))
    throw new PvmcError({
      kind: 'host',
      code: 'qemu-too-old',
      message: `${program} is too old: it says “${said.split('\n')[0] ?? ''}”`,
      hint: `pvmc needs QEMU ${oldestMajor}.${oldestMinor} or newer; Debian 12 and 13 have it.`,
    });
  return match[0].replace('version', 'QEMU');
}

function missingProgram(program: string, cause: unknown): unknown {
  if (!(cause instanceof PvmcError) || cause.code !== 'program-missing') return cause;
  return new PvmcError({
    kind: 'host',
    code: 'qemu-missing',
    message: `${program} is not installed`,
    hint: 'Install it: sudo apt install qemu-system-x86',
    cause,
  });
}
