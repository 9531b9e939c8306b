/** Appliances become machines of QEMU's user: a folder with the disk, a script that starts it and one that stops it. */
import { copyFile, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { removeAbandoned } from '../../system/abandoned.ts';
import type { Progress } from '../../system/progress.ts';
import { commandLine, run } from '../../system/run.ts';
import {
  type ClaimedPlace,
  DISC,
  type Importer,
  type ImportSpecification,
  type Known,
  type MachineCommands,
  type Place,
} from '../importer.ts';
import { explaining, placeOf } from '../machine-place.ts';
import { findUefiFirmware } from './firmware.ts';
import { CONSOLE_LOG, DISK, startScript, stopScript, UEFI_VARIABLES } from './start-script.ts';

export class QemuImporter implements Importer {
  readonly #program: string;

  constructor(program: string) {
    this.#program = program;
  }

  async place(name: string, parentFolder: string | undefined): Promise<Place> {
    return placeOf(join(resolve(parentFolder ?? '.'), name));
  }

  async rehearse({ firmware }: ImportSpecification): Promise<void> {
    if (firmware === 'uefi') await findUefiFirmware();
  }

  /** Everything is made in a folder beside its place, which gets its name when it is whole. */
  async import(
    specification: ImportSpecification,
    place: Pick<ClaimedPlace, 'open'>,
    progress: Progress,
  ): Promise<void> {
    await this.rehearse(specification);
    const { folder, name } = specification;
    await explaining(folder, async () => {
      const parent = dirname(folder);
      const start = `.${name}.importing-`;
      await removeAbandoned(parent, start, /^(\d+)-\w{6}$/);
      const partial = await mkdtemp(join(parent, `${start}${process.pid}-`));
      try {
        await this.#fill(partial, specification, progress);
        progress.signal.throwIfAborted();
        await place.open();
        await rename(partial, folder);
      } catch (thrown) {
        await rm(partial, { recursive: true, force: true });
        throw thrown;
      }
    });
  }

  async start({ folder }: ImportSpecification, progress: Progress): Promise<void> {
    const { signal } = progress;
    const log = (line: string, origin: string) => progress.log(line, origin);
    await run([join(folder, 'start'), 'background'], { signal, log, kind: 'machine' });
  }

  commands({ folder }: Known): MachineCommands {
    const script = (...words: readonly string[]) =>
      commandLine([join(folder, words[0] ?? ''), ...words.slice(1)]);
    return {
      start: script('start', 'background'),
      open: script('start'),
      look: commandLine(['tail', '-f', join(folder, CONSOLE_LOG)]),
      powerOff: script('stop'),
      remove: commandLine(['rm', '-r', folder]),
    };
  }

  async #fill(
    partial: string,
    specification: ImportSpecification,
    progress: Progress,
  ): Promise<void> {
    const raw = join(partial, 'disk.raw');
    await specification.unpackDisk(raw);
    const convert = ['qemu-img', 'convert', '-q', '-f', 'raw', '-O', 'qcow2', raw];
    await run([...convert, join(partial, DISK)], {
      signal: progress.signal,
      log: (line, origin) => progress.log(line, origin),
    });
    await rm(raw);
    const uefi = specification.firmware === 'uefi' ? await findUefiFirmware() : undefined;
    if (uefi) await copyFile(uefi.variablesPath, join(partial, UEFI_VARIABLES));
    const { disc } = specification;
    if (disc) await writeFile(join(partial, DISC), disc, { mode: 0o600 });
    const start = { specification, program: this.#program, uefiCodePath: uefi?.codePath };
    await writeFile(join(partial, 'start'), startScript(start), { mode: 0o755 });
    await writeFile(join(partial, 'stop'), stopScript(specification), { mode: 0o755 });
  }
}
