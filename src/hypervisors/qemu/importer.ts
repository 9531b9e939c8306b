/** Appliances become machines of QEMU's user: a folder with the disk, a script that starts it and one that stops it. */
import { copyFile, lstat, mkdir, readdir, rename, rm, rmdir, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { PvmcError, systemCodeOf } from '../../system/error.ts';
import { processState } from '../../system/process-fields.ts';
import type { Progress } from '../../system/progress.ts';
import { commandLine, run } from '../../system/run.ts';
import type { Importer, ImportSpecification, MachineCommands, Place } from '../importer.ts';
import { findUefiFirmware } from './firmware.ts';
import { CONSOLE_LOG, DISK, startScript, stopScript, UEFI_VARIABLES } from './start-script.ts';

export class QemuImporter implements Importer {
  readonly #program: string;

  constructor(program: string) {
    this.#program = program;
  }

  async place(name: string, parentFolder: string | undefined): Promise<Place> {
    const folder = join(resolve(parentFolder ?? '.'), name);
    return { folder, takenBy: (await exists(folder)) ? `there is a ${folder} already` : undefined };
  }

  async rehearse({ firmware }: ImportSpecification): Promise<void> {
    if (firmware === 'uefi') await findUefiFirmware();
  }

  /** Everything is made in a folder beside its place, which gets its name when it is whole. */
  async import(specification: ImportSpecification, progress: Progress): Promise<void> {
    await this.rehearse(specification);
    const { folder, name } = specification;
    const parent = dirname(folder);
    const newParent = await makeParent(parent);
    const partial = join(parent, `.${name}.importing-${process.pid}`);
    try {
      await removeAbandoned(parent, name);
      await explained(parent, async () => {
        await mkdir(partial, { mode: 0o700 });
        await this.#fill(partial, specification, progress);
        progress.signal.throwIfAborted();
        await rename(partial, folder);
      });
    } catch (thrown) {
      await rm(partial, { recursive: true, force: true });
      if (newParent !== undefined) await removeEmpty(parent, newParent);
      throw thrown;
    }
  }

  async start({ folder }: ImportSpecification, progress: Progress): Promise<void> {
    const { signal } = progress;
    const log = (line: string, origin: string) => progress.log(line, origin);
    await run([join(folder, 'start'), 'background'], { signal, log, kind: 'machine' });
  }

  commands({ folder }: Pick<ImportSpecification, 'folder'>): MachineCommands {
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
    const start = { specification, program: this.#program, uefiCodePath: uefi?.codePath };
    await writeFile(join(partial, 'start'), startScript(start), { mode: 0o755 });
    await writeFile(join(partial, 'stop'), stopScript(specification), { mode: 0o755 });
  }
}

/** Returns the topmost folder that had to be made. */
async function makeParent(parent: string): Promise<string | undefined> {
  let made: string | undefined;
  await explained(parent, async () => {
    made = await mkdir(parent, { recursive: true });
  });
  return made;
}

/** What a pvmc that was killed has left of this name. */
async function removeAbandoned(parent: string, name: string): Promise<void> {
  for (const entry of await readdir(parent)) {
    if (!entry.startsWith(`.${name}.importing-`)) continue;
    const pid = entry.slice(entry.lastIndexOf('-') + 1);
    if ((await processState(pid)) === undefined)
      await rm(join(parent, entry), { recursive: true, force: true });
  }
}

/** The folders from `folder` up to `top`, as far as nobody has put anything there. */
async function removeEmpty(folder: string, top: string): Promise<void> {
  try {
    for (let next = folder; basename(next) !== ''; next = dirname(next)) {
      await rmdir(next);
      if (next === top) return;
    }
  } catch {
    // Somebody else uses it.
  }
}

/** The system's words about the folder, as an error that tells what to do. */
async function explained(parent: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (thrown) {
    const said = thrown instanceof PvmcError ? thrown.details.join('\n') : '';
    const code = systemCodeOf(thrown) ?? '';
    if (code === 'ENOSPC' || said.includes('No space left on device'))
      throw new PvmcError({
        kind: 'host',
        code: 'no-space',
        message: `no space is left for the machine in ${parent}`,
        hint: 'Make room, or import into another folder: --folder. Nothing of it was kept.',
        cause: thrown,
      });
    if (['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'EEXIST', 'ENOTEMPTY'].includes(code))
      throw new PvmcError({
        kind: 'host',
        code: 'output-not-writable',
        message: `the machine cannot be made in ${parent}: ${thrown instanceof Error ? thrown.message : code}`,
        hint: 'Give a folder that you may write to: --folder.',
        cause: thrown,
      });
    throw thrown;
  }
}

async function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}
