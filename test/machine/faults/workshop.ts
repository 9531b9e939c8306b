/**
 * What the faulty runs share: a cache in which the medium's base is already, and a small repository of
 * ours whose one package comes from a server that can be told to misbehave.
 *
 * Host and guest name that server alike: in QEMU's user network 10.0.2.2 is the host's loopback, and on
 * the host, where nothing has that address, the server is its own proxy.
 */
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { cacheFolder } from '../../../src/pipeline/cache-folder.ts';
import { TinyRepository, type TinySuite } from '../../../src/repository/tiny-repository.ts';
import { PlainRun } from '../../support/plain-run.ts';
import { PvmcProcess } from '../../support/pvmc-process.ts';

const PACKAGE = 'pvmc-fault';
const SUITE = 'faults';

/** What the server does instead of answering. */
export type Misbehaviour = (response: ServerResponse) => void;

export class Workshop {
  #finished: Promise<string> | undefined;
  /** `XDG_CACHE_HOME` of the runs. */
  readonly cacheHome: string;
  readonly repository: TinyRepository;
  readonly #folder: string;
  /** Answers that are not whole. */
  readonly #open = new Set<ServerResponse>();
  #misbehaving: { readonly path: RegExp; readonly act: Misbehaviour; readonly done: () => void }[] =
    [];

  private constructor(folder: string, repository: TinyRepository) {
    this.#folder = folder;
    this.cacheHome = join(folder, 'cache');
    this.repository = repository;
    repository.intercept = (request, response) => {
      const found = this.#misbehaving.find(({ path }) => path.test(request.url ?? ''));
      if (!found) return false;
      this.#open.add(response);
      response.once('close', () => this.#open.delete(response));
      found.act(response);
      found.done();
      return true;
    };
  }

  static async open(): Promise<Workshop> {
    const folder = await mkdtemp(join(tmpdir(), 'pvmc-workshop-'));
    const workshop = new Workshop(folder, await TinyRepository.start());
    // The base is made in the usual cache, if it is not there yet: other tests want it too.
    const iso = join(folder, 'iso');
    const { status, stderr } = await new PvmcProcess(['iso', 'examples/hello', '-o', iso]).ended;
    if (status !== 0) throw new Error(`no medium could be made: ${stderr}`);
    await rm(iso, { recursive: true });
    await cp(cacheFolder(undefined), join(workshop.cacheHome, 'pvmc'), {
      recursive: true,
      // What somebody else has not finished yet.
      filter: (path) => !basename(path).startsWith('.pvmc-'),
    });
    return workshop;
  }

  async close(): Promise<void> {
    await this.repository.stop();
    await rm(this.#folder, { recursive: true, force: true });
  }

  /** The output folder of a build that was not disturbed; made when it is first asked for. */
  finished(): Promise<string> {
    this.#finished ??= this.#finish();
    return this.#finished;
  }

  async #finish(): Promise<string> {
    const folder = join(this.#folder, 'finished');
    await mkdir(folder);
    await writeFile(join(folder, 'appliance.yaml'), this.manifest());
    const run = new PlainRun({
      arguments: ['build', '--no-verify'],
      workingFolder: folder,
      environment: { ...this.environment, XDG_CACHE_HOME: this.cacheHome },
    });
    if ((await run.ended) !== 0) throw new Error(run.screen);
    return join(folder, 'out');
  }

  /** The repository as it should be, and nothing misbehaves. */
  async tidy(suite: Partial<TinySuite> = {}): Promise<void> {
    this.#misbehaving = [];
    // Random, so that it cannot be packed: its download takes some time.
    const files = { 'usr/share/pvmc-fault/data': 'fault\n'.repeat(200_000) };
    await this.repository.publish({ suite: SUITE, packages: [{ name: PACKAGE, files }], ...suite });
  }

  /** Misbehaves when a path is asked for. Resolves when that has happened. */
  misbehave(path: RegExp, act: Misbehaviour): Promise<void> {
    return new Promise((done) => {
      this.#misbehaving.unshift({ path, act, done });
    });
  }

  /** Cuts the connections on which an answer is not whole; waits for one, if there is none yet. */
  async cut(): Promise<void> {
    while (this.#open.size === 0) await sleep(100);
    for (const response of this.#open) response.destroy();
  }

  /** Answers again, with everything. */
  behave(): void {
    this.#misbehaving = [];
  }

  get #port(): string {
    return new URL(this.repository.url()).port;
  }

  /** Lets the host's programs find the server under the guest's name for it. */
  get environment(): Readonly<Record<string, string>> {
    return {
      http_proxy: `http://127.0.0.1:${this.#port}`,
      no_proxy: 'deb.debian.org',
    };
  }

  /** The text of a manifest that has the package, and these lines. */
  manifest(lines: readonly string[] = []): string {
    const all = [
      'name: faulty',
      'version: "1"',
      'repository:',
      '  extra:',
      `    - url: http://10.0.2.2:${this.#port}/debian`,
      `      suite: ${SUITE}`,
      '      components: [main]',
      `      key: ${this.repository.key.publicKey}`,
      `packages: [${PACKAGE}]`,
      ...lines,
    ];
    return `${all.join('\n')}\n`;
  }
}
