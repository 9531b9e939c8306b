/**
 * A QEMU with a door for faults: a program of its name, first on PATH, starts the real one with a second
 * monitor. What it can do is what a person with a monitor can: type at the guest's keyboard, pull the
 * network's plug or the disk, damage what the guest reads. pvmc itself knows nothing of it.
 */
import { accessSync } from 'node:fs';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { QmpClient } from '../../src/hypervisors/qemu/qmp.ts';

const PROGRAM = 'qemu-system-x86_64';

export interface Tampering {
  /** Arguments of QEMU that are something else: each of these texts is replaced within each of them. */
  readonly replace?: Readonly<Record<string, string>>;
  readonly add?: readonly string[];
}

export class FaultyQemu {
  /** To be first on PATH. */
  readonly binFolder: string;
  readonly #socketPath: string;
  #monitor: Promise<QmpClient> | undefined;

  private constructor(folder: string) {
    this.binFolder = join(folder, 'bin');
    this.#socketPath = join(folder, 'monitor');
  }

  static async install(folder: string, { replace = {}, add = [] }: Tampering): Promise<FaultyQemu> {
    const qemu = new FaultyQemu(folder);
    await mkdir(qemu.binFolder);
    const path = join(qemu.binFolder, PROGRAM);
    // A comma that is doubled is one for QEMU.
    const socketPath = qemu.#socketPath.replaceAll(',', ',,');
    const monitor = `socket,id=faults,path=${socketPath},server=on,wait=off`;
    const more = ['-chardev', monitor, '-mon', 'chardev=faults,mode=control', ...add];
    await writeFile(path, script(realProgram(), replace, more));
    await chmod(path, 0o755);
    return qemu;
  }

  /** Asks the monitor of the machine that runs. */
  async execute(command: string, args: Readonly<Record<string, unknown>> = {}): Promise<unknown> {
    this.#monitor ??= QmpClient.connect(connect(this.#socketPath), () => {});
    return (await this.#monitor).execute(command, args);
  }

  /** Types a command at the guest's second screen, where a shell is. */
  async type(command: string): Promise<void> {
    await this.#press(['alt', 'f2']);
    await sleep(500);
    for (const character of `${command}\n`) await this.#press(keysOf(character));
  }

  async #press(keys: readonly string[]): Promise<void> {
    const pressed = keys.map((data) => ({ type: 'qcode', data }));
    await this.execute('send-key', { keys: pressed, 'hold-time': 20 });
    // The guest's keyboard keeps 16 codes, and an emulated processor takes its time.
    await sleep(60);
  }
}

function script(
  real: string,
  replace: Readonly<Record<string, string>>,
  more: readonly string[],
): string {
  const changes = Object.entries(replace).map(
    ([from, to]) => `  argument=\${argument//${quoted(from)}/${quoted(to)}}`,
  );
  return `#!/bin/bash
[[ " $* " == *' -name '* ]] || exec ${real} "$@"
arguments=()
for argument in "$@"; do
${[...changes, '  arguments+=("$argument")'].join('\n')}
done
exec ${real} "\${arguments[@]}" ${more.map(quoted).join(' ')}
`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function realProgram(): string {
  const paths = (process.env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, PROGRAM));
  const found = paths.find((path) => {
    try {
      accessSync(path);
      return true;
    } catch {
      return false;
    }
  });
  if (found === undefined) throw new Error(`${PROGRAM} is not installed`);
  return found;
}

/** Of an American keyboard, which the medium's console has. */
const KEYS: Readonly<Record<string, readonly string[]>> = {
  '\n': ['ret'],
  ' ': ['spc'],
  '-': ['minus'],
  '.': ['dot'],
  '/': ['slash'],
  '=': ['equal'],
  ';': ['semicolon'],
  '>': ['shift', 'dot'],
  _: ['shift', 'minus'],
  "'": ['apostrophe'],
  '\\': ['backslash'],
  '|': ['shift', 'backslash'],
  '*': ['shift', '8'],
  '&': ['shift', '7'],
};

function keysOf(character: string): readonly string[] {
  if (/[A-Z]/.test(character)) return ['shift', character.toLowerCase()];
  const keys = /[a-z0-9]/.test(character) ? [character] : KEYS[character];
  if (keys === undefined) throw new Error(`there is no key for ${character}`);
  return keys;
}
