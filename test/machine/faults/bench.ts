/** One faulty run: its folder with all that it may touch, the program, and what became of both. */
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { checksumName, checksumText } from '../../../src/appliance/checksums.ts';
import { place } from '../../../src/pipeline/placed-files.ts';
import { sha256Of } from '../../../src/system/sha256.ts';
import { FaultyQemu } from '../../support/faulty-qemu.ts';
import { leftovers } from '../../support/leftovers.ts';
import { PlainRun } from '../../support/plain-run.ts';
import { ROOT } from '../../support/repository-files.ts';
import type { FaultyRun } from './fault.ts';
import type { Workshop } from './workshop.ts';

/** Where pvmc remembers which files are its own. */
const MEMORY = '.pvmc-files.json';

/** What is in the output folder before: a build that fails must not hurt it. */
const EARLIER = { ova: 'faulty-1.ova', iso: 'faulty-1.iso' } as const;

export class Bench {
  readonly folder: string;
  readonly qemu: FaultyQemu;
  readonly workshop: Workshop;
  readonly #run: FaultyRun;
  readonly #earlier = new Map<string, string>();
  #builds: readonly string[] = [];
  readonly #started: PlainRun[] = [];
  #pvmc: PlainRun | undefined;

  private constructor(
    folder: string,
    parts: { qemu: FaultyQemu; workshop: Workshop; run: FaultyRun },
  ) {
    this.folder = folder;
    this.qemu = parts.qemu;
    this.workshop = parts.workshop;
    this.#run = parts.run;
  }

  /** What was said, as it would have been on anybody's computer. */
  neutral(text: string): string {
    return text
      .replaceAll(this.folder, '/home/you/faulty')
      .replaceAll(this.cacheHome, '/home/you/.cache')
      .replaceAll(ROOT, '/home/you/pvmc');
  }

  /** Prepares a run, and starts it. */
  static async start(run: FaultyRun, workshop: Workshop): Promise<Bench> {
    const folder = await mkdtemp(join(tmpdir(), 'pvmc-fault-'));
    const qemu = await FaultyQemu.install(folder, run.qemu ?? {});
    const bench = new Bench(folder, { qemu, workshop, run });
    await mkdir(bench.#temporaryFolder);
    await workshop.tidy();
    await bench.#makeOutputFolder();
    await bench.writeManifest(run.manifest ?? []);
    await run.prepare?.(bench);
    await bench.#look();
    bench.#pvmc = bench.start(run.arguments ?? ['build']);
    return bench;
  }

  get pvmc(): PlainRun {
    if (!this.#pvmc) throw new Error('pvmc has not been started yet');
    return this.#pvmc;
  }

  /** With these lines besides the usual ones. */
  async writeManifest(lines: readonly string[]): Promise<void> {
    await writeFile(join(this.folder, 'appliance.yaml'), this.workshop.manifest(lines));
  }

  get outputFolder(): string {
    return join(this.folder, 'out');
  }

  /** The medium that the machine boots from. */
  async mediumPath(): Promise<string> {
    return join(await this.buildFolder(), 'medium.iso');
  }

  get appliancePath(): string {
    return join(this.outputFolder, EARLIER.ova);
  }

  /** The build's own folder. */
  async buildFolder(): Promise<string> {
    const name = (await this.#buildNames()).find((one) => !this.#builds.includes(one));
    return join(this.outputFolder, 'builds', name ?? 'none');
  }

  /** What the guest's console has said. */
  async consoleLog(): Promise<string> {
    return readFile(join(await this.buildFolder(), 'console.log'), 'utf8').catch(() => '');
  }

  /** The process that runs the guest. */
  async qemuProcess(): Promise<number> {
    const text = await readFile(join(await this.buildFolder(), 'machine/qemu.pid'), 'utf8');
    return Number.parseInt(text, 10);
  }

  /** What is there although nothing should be. */
  async wronglyLeft(): Promise<string[]> {
    const { folder } = this;
    const left = await leftovers({
      folder,
      outputFolder: this.outputFolder,
      temporaryFolder: this.#temporaryFolder,
      cacheFolder: join(this.cacheHome, 'pvmc'),
    });
    const known = ['builds', MEMORY, ...Object.values(EARLIER), ...(await this.#checksums())];
    const foreign = (await readdir(this.outputFolder)).filter((name) => !known.includes(name));
    return [
      ...left.filter((line) => this.#run.mayLeave?.test(line) !== true),
      ...foreign.map((name) => `file: ${name}`),
      ...(await this.#hurt()).map((name) => `hurt: ${name}`),
    ];
  }

  /** The digest of the appliance in the output folder. */
  appliance(): Promise<string> {
    return digestOf(this.appliancePath);
  }

  /** That of the build that was not disturbed. */
  async undisturbed(): Promise<string> {
    return digestOf(join(await this.workshop.finished(), EARLIER.ova));
  }

  /** What the build's folder holds now, and what else a kill has left. */
  async left(): Promise<string[]> {
    const names = await readdir(await this.buildFolder()).catch(() => []);
    return names.sort((a, b) => a.localeCompare(b));
  }

  async clear(): Promise<void> {
    this.workshop.behave();
    this.#pvmc?.kill('SIGKILL');
    await this.#pvmc?.ended;
    await rm(this.folder, { recursive: true, force: true });
  }

  get cacheHome(): string {
    return this.#run.cache === 'empty' ? join(this.folder, 'cache') : this.workshop.cacheHome;
  }

  get #temporaryFolder(): string {
    return join(this.folder, 'tmp');
  }

  /** Starts pvmc in the run's circumstances. */
  start(args: readonly string[]): PlainRun {
    const { through = [], environment } = this.#run;
    const run = new PlainRun({
      arguments: args,
      workingFolder: this.folder,
      through: through.map((word) =>
        word
          .replaceAll('{folder}', this.folder)
          .replaceAll('{cache}', join(this.cacheHome, 'pvmc')),
      ),
      environment: {
        ...this.workshop.environment,
        XDG_CACHE_HOME: this.cacheHome,
        PATH: [this.qemu.binFolder, process.env['PATH']].join(delimiter),
        TMPDIR: this.#temporaryFolder,
        ...environment,
      },
    });
    this.#started.push(run);
    return run;
  }

  /** With an earlier appliance in it, a real one or something of its name. */
  async #makeOutputFolder(): Promise<void> {
    if (this.#run.from === 'finished') {
      // Second names of the same files: what a build has recorded is not written to again.
      execFileSync('cp', ['-al', await this.workshop.finished(), this.outputFolder]);
    } else {
      await mkdir(this.outputFolder);
      for (const name of Object.values(EARLIER)) {
        await writeFile(join(this.folder, name), 'an earlier appliance\n');
        await place(join(this.folder, name), { folder: this.outputFolder, name });
      }
    }
  }

  /** Sees what there is before the run. */
  async #look(): Promise<void> {
    for (const name of Object.values(EARLIER)) this.#earlier.set(name, await this.#digest(name));
    this.#builds = await this.#buildNames();
  }

  /** A finished stage media replaces the medium of the same name, whatever comes after it. */
  async #hurt(): Promise<string[]> {
    const made = this.#started.some(({ screen }) => /^\[[\d:]+\] media: done/m.test(screen));
    const hurt: string[] = [];
    for (const name of made ? [EARLIER.ova] : Object.values(EARLIER))
      if ((await this.#digest(name)) !== this.#earlier.get(name)) hurt.push(name);
    return hurt;
  }

  /** Those that are true of the file beside them. */
  async #checksums(): Promise<readonly string[]> {
    const found: string[] = [];
    for (const name of Object.values(EARLIER)) {
      const checksum = checksumName(name);
      const text = await readFile(join(this.outputFolder, checksum), 'utf8').catch(() => '');
      if (text === checksumText(name, await this.#digest(name))) found.push(checksum);
    }
    return found;
  }

  async #digest(name: string): Promise<string> {
    return digestOf(join(this.outputFolder, name)).catch(() => 'gone');
  }

  async #buildNames(): Promise<readonly string[]> {
    return readdir(join(this.outputFolder, 'builds')).catch(() => []);
  }
}

function digestOf(path: string): Promise<string> {
  return sha256Of(path, new AbortController().signal);
}
