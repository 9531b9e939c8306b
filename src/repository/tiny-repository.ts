/**
 * A small but real Debian repository for tests: packages made with dpkg-deb, indexes, a Release file
 * signed by a key that lives as long as the test, and a server on the loopback interface. Needs
 * dpkg-deb and gpg.
 */
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { run } from '../system/run.ts';

export interface TinyPackage {
  readonly name: string;
  readonly version?: string;
  /** Further fields of the control file, e.g. `Depends`. */
  readonly fields?: Readonly<Record<string, string>>;
  /** Paths without the leading slash, and their contents; a link is written as `-> TARGET`. */
  readonly files?: Readonly<Record<string, string>>;
}

export interface TinySuite {
  /** The repository's folder on the server; `debian` unless told. */
  readonly archive?: string;
  readonly suite: string;
  readonly packages: readonly TinyPackage[];
  readonly component?: string;
  /** Days until the Release file expires; negative when it has. */
  readonly validDays?: number;
}

/** A key pair of its own. `publicKey` is the path of the binary public key. */
export interface TinyKey {
  readonly home: string;
  readonly publicKey: string;
}

export class TinyRepository {
  readonly folder: string;
  readonly key: TinyKey;
  /** Requests are answered by this first; true means that it has. */
  intercept: (request: IncomingMessage, response: ServerResponse) => boolean = () => false;
  /** Paths that were asked for. */
  readonly requests: string[] = [];
  readonly #server: Server;

  private constructor(folder: string, key: TinyKey) {
    this.folder = folder;
    this.key = key;
    this.#server = createServer((request, response) => void this.#answer(request, response));
  }

  static async start(): Promise<TinyRepository> {
    const folder = await mkdtemp(join(tmpdir(), 'pvmc-repository-'));
    const repository = new TinyRepository(join(folder, 'www'), await makeKey(join(folder, 'key')));
    await new Promise<void>((ready) => repository.#server.listen(0, '127.0.0.1', ready));
    return repository;
  }

  url(archive = 'debian'): string {
    const address = this.#server.address();
    if (typeof address !== 'object' || address === null) throw new Error('the server is not up');
    return `http://127.0.0.1:${address.port}/${archive}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((closed) => this.#server.close(closed));
    await endKey(this.key);
    await rm(dirname(this.folder), { recursive: true, force: true });
  }

  /** Writes a suite, in place of the one of this name. */
  async publish(suite: TinySuite, key: TinyKey = this.key): Promise<void> {
    const root = join(this.folder, suite.archive ?? 'debian');
    const component = suite.component ?? 'main';
    const stanzas: string[] = [];
    for (const item of suite.packages) stanzas.push(await buildPackage(root, item));
    const dist = join(root, 'dists', suite.suite);
    await rm(dist, { recursive: true, force: true });
    const indexes = new Map([[`${component}/binary-amd64/Packages.gz`, stanzas.join('\n')]]);
    indexes.set(`${component}/binary-amd64/Packages`, stanzas.join('\n'));
    const sums: string[] = [];
    for (const [path, text] of indexes) {
      const bytes = path.endsWith('.gz') ? gzipSync(text) : Buffer.from(text);
      await mkdir(dirname(join(dist, path)), { recursive: true });
      await writeFile(join(dist, path), bytes);
      sums.push(` ${sha256(bytes)} ${bytes.length} ${path}`);
    }
    await writeFile(join(dist, 'Release'), release(suite, component, sums));
    await sign(key, join(dist, 'Release'), join(dist, 'InRelease'));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = decodeURIComponent(new URL(request.url ?? '/', 'http://x').pathname);
    this.requests.push(path);
    if (this.intercept(request, response)) return;
    try {
      const file = join(this.folder, path);
      const bytes = await readFile(file);
      const modified = (await stat(file)).mtime;
      modified.setMilliseconds(0);
      const since = Date.parse(request.headers['if-modified-since'] ?? '');
      const fresh = since >= modified.getTime();
      response.writeHead(fresh ? 304 : 200, {
        'last-modified': modified.toUTCString(),
        ...(fresh ? {} : { 'content-length': bytes.length }),
      });
      response.end(fresh ? undefined : bytes);
    } catch {
      response.writeHead(404).end();
    }
  }
}

/** Makes a key that signs, in a home of its own. */
export async function makeKey(home: string): Promise<TinyKey> {
  await mkdir(home, { recursive: true, mode: 0o700 });
  const name = 'Test <test@example.org>';
  await gpg(home, ['--passphrase', '', '--quick-generate-key', name, 'ed25519', 'sign', '0']);
  const publicKey = join(home, 'public.gpg');
  await gpg(home, ['--output', publicKey, '--export']);
  return { home, publicKey };
}

/** Ends the agent that gpg started, and forgets the key. */
export async function endKey(key: TinyKey): Promise<void> {
  await run(['gpgconf', '--homedir', key.home, '--kill', 'all']);
  await rm(key.home, { recursive: true, force: true });
}

function gpg(home: string, argv: readonly string[]): Promise<unknown> {
  return run([
    'gpg',
    '--homedir',
    home,
    '--batch',
    '--yes',
    '--pinentry-mode',
    'loopback',
    ...argv,
  ]);
}

async function sign(key: TinyKey, from: string, to: string): Promise<void> {
  await gpg(key.home, ['--digest-algo', 'SHA256', '--output', to, '--clearsign', from]);
}

/** Builds the package in the pool; its stanza for the index. */
async function buildPackage(root: string, item: TinyPackage): Promise<string> {
  const version = item.version ?? '1.0';
  const control = Object.entries({
    Package: item.name,
    Version: version,
    Architecture: 'amd64',
    Maintainer: 'Test <test@example.org>',
    'Installed-Size': '100',
    Description: `the test package ${item.name}`,
    ...item.fields,
  }).map(([name, value]) => `${name}: ${value}\n`);
  const tree = await mkdtemp(join(tmpdir(), 'pvmc-package-'));
  const fileName = `${item.name}_${version.replace(/^\d+:/, '')}_amd64.deb`;
  const pool = join(root, 'pool', fileName);
  try {
    await mkdir(join(tree, 'DEBIAN'));
    await writeFile(join(tree, 'DEBIAN/control'), control.join(''));
    for (const [path, content] of Object.entries(item.files ?? {})) {
      await mkdir(dirname(join(tree, path)), { recursive: true });
      const [, target] = /^-> (.*)$/.exec(content) ?? [];
      if (target === undefined) await writeFile(join(tree, path), content);
      else await symlink(target, join(tree, path));
    }
    await mkdir(dirname(pool), { recursive: true });
    await run(['dpkg-deb', '--root-owner-group', '-Znone', '--build', tree, pool], {
      // The same package has the same bits whenever it is made.
      env: { SOURCE_DATE_EPOCH: '1750000000' },
    });
  } finally {
    await rm(tree, { recursive: true, force: true });
  }
  const bytes = await readFile(pool);
  const file = [
    `Filename: pool/${basename(pool)}`,
    `Size: ${bytes.length}`,
    `SHA256: ${sha256(bytes)}`,
  ];
  return `${control.join('')}${file.join('\n')}\n`;
}

const DAY_MILLISECONDS = 86_400_000;

function release(suite: TinySuite, component: string, sums: readonly string[]): string {
  const now = Date.now();
  // Somewhat in the past, so that a clock that is a little off does not matter.
  const date = new Date(now - 10 * DAY_MILLISECONDS);
  const validUntil = new Date(now + (suite.validDays ?? 7) * DAY_MILLISECONDS);
  return [
    'Origin: Test',
    `Suite: ${suite.suite}`,
    `Codename: ${suite.suite}`,
    `Date: ${date.toUTCString()}`,
    `Valid-Until: ${validUntil.toUTCString()}`,
    'Architectures: amd64',
    `Components: ${component}`,
    'SHA256:',
    ...sums,
    '',
  ].join('\n');
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
