/**
 * What a construction leaves for whoever looks later: its log, and its state, that is the steps that it
 * began. Both are kept in memory and, as soon as there is one, on the scratch file system, where they
 * outlive the machine's power. The state there also tells a checkpoint from a disk that is further along.
 */
import { closeSync, openSync, readFileSync, statSync, writeSync } from 'node:fs';
import { type FileHandle, mkdir, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '../system/error.ts';

export const LOG_NAME = 'constructor.log';
export const STATE_NAME = 'state.json';

/** Changes when the state of an older constructor could no longer be read. */
const STATE_VERSION = 1;

export interface StepRecord {
  readonly name: string;
  readonly state: 'running' | 'done' | 'failed';
  /** By the machine's clock, as ISO 8601 has it. */
  readonly began: string;
  readonly seconds?: number | undefined;
  readonly error?: { readonly code: string; readonly message: string } | undefined;
}

/** For whom a construction is made, and by what. */
export interface Identity {
  readonly appliance: string;
  /** See `installKey` of the installation manifest. */
  readonly installKey: string;
  /** The SHA-256 of the constructor that works. */
  readonly code: string;
}

export interface ConstructionState extends Identity {
  readonly version: typeof STATE_VERSION;
  /** In the order in which they were begun. */
  readonly steps: readonly StepRecord[];
}

export class ConstructionRecord {
  readonly #folder: string;
  readonly #log: number | undefined;
  /** The log of earlier runs in this boot ends there. */
  readonly #logStart: number;
  #identity: Identity = { appliance: '', installKey: '', code: '' };
  #steps: StepRecord[] = [];
  #copy: Copy | undefined;

  /** @param folder in memory; it has to be there. */
  constructor(folder: string) {
    this.#folder = folder;
    const path = join(folder, LOG_NAME);
    this.#log = quietly(() => openSync(path, 'a'));
    this.#logStart = quietly(() => statSync(path).size) ?? 0;
  }

  /** Whose construction it is, known when the installation manifest was read. */
  identify(identity: Identity): void {
    this.#identity = identity;
  }

  get identity(): Identity {
    return this.#identity;
  }

  /** A log that can no longer be written (memory is full, the disk is) does not end the construction. */
  log(line: string): void {
    const bytes = Buffer.from(`${line}\n`);
    const log = this.#log;
    if (log !== undefined) quietly(() => writeSync(log, bytes));
    this.#copy?.write(bytes);
  }

  async begin(name: string): Promise<void> {
    const began = new Date().toISOString();
    // Done again, it leaves what came after it to be done again too.
    const before = this.#steps.findIndex((step) => step.name === name);
    if (before >= 0) this.#steps = this.#steps.slice(0, before);
    await this.#add({ name, state: 'running', began });
  }

  async finish(name: string, seconds: number): Promise<void> {
    await this.#change(name, { state: 'done', seconds });
  }

  async fail(name: string, error: { readonly code: string; readonly message: string }) {
    await this.#change(name, { state: 'failed', error });
  }

  /** Takes over what is known of steps that were done before, on this disk. */
  takeOver(steps: readonly StepRecord[]): void {
    const begun = new Set(this.#steps.map(({ name }) => name));
    this.#steps = [...this.#steps, ...steps.filter(({ name }) => !begun.has(name))];
  }

  /** Keeps log and state in this folder too, until `leaveDisk`. */
  async keepOnDisk(folder: string): Promise<void> {
    await mkdir(folder, { recursive: true });
    const soFar = quietly(() => readFileSync(join(this.#folder, LOG_NAME)));
    this.#copy = new Copy(folder, await open(join(folder, LOG_NAME), 'a'));
    if (soFar) this.#copy.write(soFar.subarray(this.#logStart));
    await this.#save();
  }

  /** Brings all of it to the disk and lets go of it. */
  async leaveDisk(): Promise<void> {
    const copy = this.#copy;
    this.#copy = undefined;
    await copy?.close();
  }

  /** The file system may be frozen after this: what is said then is written when `goOn` was called. */
  async pause(): Promise<void> {
    await this.#copy?.pause();
  }

  goOn(): void {
    this.#copy?.goOn();
  }

  async close(): Promise<void> {
    await this.leaveDisk();
    const log = this.#log;
    if (log !== undefined) quietly(() => closeSync(log));
  }

  async #add(step: StepRecord): Promise<void> {
    this.#steps.push(step);
    await this.#save();
  }

  async #change(name: string, changes: Partial<StepRecord>): Promise<void> {
    this.#steps = this.#steps.map((step) => (step.name === name ? { ...step, ...changes } : step));
    await this.#save();
  }

  async #save(): Promise<void> {
    const state: ConstructionState = {
      version: STATE_VERSION,
      ...this.#identity,
      steps: this.#steps,
    };
    const text = `${JSON.stringify(state, undefined, 1)}\n`;
    await replaceFile(join(this.#folder, STATE_NAME), text).catch((thrown: unknown) => {
      this.log(`the state cannot be written: ${messageOf(thrown)}`);
    });
    await this.#copy?.saveState(text);
  }
}

/** Log and state on the scratch file system. The log is written behind everybody's back. */
class Copy {
  readonly #folder: string;
  readonly #log: FileHandle;
  #queue: Promise<void> = Promise.resolve();
  #goOn: (() => void) | undefined;

  constructor(folder: string, log: FileHandle) {
    this.#folder = folder;
    this.#log = log;
  }

  write(bytes: Uint8Array): void {
    this.#queue = this.#queue.then(() => this.#log.appendFile(bytes)).catch(() => {});
  }

  /** A disk that cannot take the state any more must not be taken for an earlier one. */
  async saveState(text: string): Promise<void> {
    const path = join(this.#folder, STATE_NAME);
    await this.#log.datasync().catch(() => {});
    await replaceFile(path, text).catch(() => rm(path, { force: true }));
  }

  async pause(): Promise<void> {
    await this.#queue;
    this.#queue = new Promise((resolve) => {
      this.#goOn = resolve;
    });
  }

  goOn(): void {
    this.#goOn?.();
  }

  async close(): Promise<void> {
    this.goOn();
    await this.#queue;
    await this.#log.sync().catch(() => {});
    await this.#log.close();
  }
}

/** The state that was kept in a folder, if there is one that this constructor understands. */
export function readState(folder: string): ConstructionState | undefined {
  const text = quietly(() => readFileSync(join(folder, STATE_NAME), 'utf8'));
  const state: unknown = text === undefined ? undefined : quietly(() => JSON.parse(text));
  return isState(state) ? state : undefined;
}

function isState(said: unknown): said is ConstructionState {
  if (typeof said !== 'object' || said === null) return false;
  const { version, steps } = said as Partial<Record<keyof ConstructionState, unknown>>;
  return version === STATE_VERSION && Array.isArray(steps);
}

/** Whole or not at all, whatever happens meanwhile. */
async function replaceFile(path: string, text: string): Promise<void> {
  const fresh = `${path}.new`;
  await using file = await open(fresh, 'w');
  await file.writeFile(text);
  await file.sync();
  await rename(fresh, path);
}

function quietly<T>(act: () => T): T | undefined {
  try {
    return act();
  } catch {
    return undefined;
  }
}
