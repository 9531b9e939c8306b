/**
 * A small honest hypervisor: its machines are plays. They have a console, a link, a power button and
 * an end, need their disk to be there, and run until the play or somebody ends them.
 */
import { appendFile, copyFile, mkdir, rm, stat, writeFile } from 'node:fs/promises';
import { PassThrough } from 'node:stream';
import { crc32 } from 'node:zlib';
import type {
  Capabilities,
  Hypervisor,
  Machine,
  MachineEvent,
  MachineSpecification,
  RunningMachine,
} from '../hypervisors/hypervisor.ts';
import type { Progress } from '../system/progress.ts';

/** What a guest can do. */
export interface Guest {
  readonly specification: MachineSpecification;
  readonly print: (text: string) => Promise<void>;
  /** A message of the probe; texts that travel as base64 are encoded here. */
  readonly say: (message: Readonly<Record<string, unknown>>) => void;
  /** What the host has said, its latest words last. */
  readonly heard: readonly string[];
  readonly end: (event: MachineEvent) => void;
  /** Resolves when the power button is pressed. */
  readonly button: Promise<void>;
}

export type Play = (guest: Guest) => Promise<void>;

export class SimulatedHypervisor implements Hypervisor {
  readonly name = 'simulated';
  readonly specifications: MachineSpecification[] = [];
  running = 0;
  existing = 0;
  accelerated = true;
  readonly #play: Play;
  readonly #credentials: boolean;

  constructor(play: Play, credentials = true) {
    this.#play = play;
    this.#credentials = credentials;
  }

  async version(): Promise<string> {
    return 'Simulated 1.0';
  }

  async capabilities(): Promise<Capabilities> {
    const acceleration = { available: this.accelerated, why: 'it is only a play' };
    return { acceleration, credentials: this.#credentials, checkpoints: true };
  }

  async importer(): Promise<never> {
    throw new TypeError('nothing is imported into a play');
  }

  async create(specification: MachineSpecification): Promise<Machine> {
    await stat(specification.disk.path);
    await mkdir(specification.runtimeFolder, { recursive: true });
    this.specifications.push(specification);
    this.existing += 1;
    return new SimulatedMachine(this, specification, this.#play);
  }
}

class SimulatedMachine implements Machine {
  readonly name: string;
  readonly #hypervisor: SimulatedHypervisor;
  readonly #specification: MachineSpecification;
  readonly #play: Play;

  constructor(hypervisor: SimulatedHypervisor, specification: MachineSpecification, play: Play) {
    this.name = specification.name;
    this.#hypervisor = hypervisor;
    this.#specification = specification;
    this.#play = play;
  }

  async start({ signal }: Progress): Promise<RunningMachine> {
    this.#hypervisor.running += 1;
    const running = switchOn(this.#specification, this.#play);
    signal.addEventListener('abort', () => void running.stop());
    void this.#watch(running);
    return running;
  }

  async #watch(running: RunningMachine): Promise<void> {
    await running.stopped;
    this.#hypervisor.running -= 1;
  }

  async detachMedium(): Promise<void> {}

  async discard(): Promise<void> {
    this.#hypervisor.existing -= 1;
    await rm(this.#specification.runtimeFolder, { recursive: true });
  }
}

function switchOn(specification: MachineSpecification, play: Play): RunningMachine {
  const words = new PassThrough();
  const heard: string[] = [];
  let end: (event: MachineEvent) => void = () => {};
  let press: () => void = () => {};
  const stopped = new Promise<MachineEvent>((resolve) => {
    end = (event) => {
      words.end();
      resolve(event);
    };
  });
  const button = new Promise<void>((resolve) => {
    press = resolve;
  });
  void play({
    specification,
    print: (text) => appendFile(specification.consoleLogPath, text),
    say: (message) => words.write(lineOf(message)),
    heard,
    end,
    button,
  });
  return {
    link: {
      [Symbol.asyncIterator]: () => words[Symbol.asyncIterator](),
      write: (bytes) => void heard.push(Buffer.from(bytes).toString()),
    },
    events: (async function* () {
      yield await stopped;
    })(),
    stopped,
    screenshot: (path) => writeFile(path, 'a picture'),
    checkpoint: (path) => copyFile(specification.disk.path, path),
    busyProcessors: async () => 0,
    requestPowerOff: async () => press(),
    stop: async () => {
      end({ type: 'stopped', by: 'host' });
      await stopped;
    },
  };
}

const TEXTS = new Set(['jobs', 'failed', 'journal', 'output']);

function lineOf(message: Readonly<Record<string, unknown>>): string {
  const json = JSON.stringify(message, (key, value: unknown) =>
    TEXTS.has(key) && typeof value === 'string' ? Buffer.from(value).toString('base64') : value,
  );
  return `\u001epvmc1 ${crc32(json).toString(16).padStart(8, '0')} ${json}\n`;
}
