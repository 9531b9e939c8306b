import { createHash } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { quietProgress } from '../system/progress.ts';
import { run } from '../system/run.ts';
import { endKey, makeKey, type TinyPackage } from './tiny-repository.ts';
import { Bench, type Wish } from './tiny-resolve.ts';

/** A base system of three, and a few packages to ask for. */
const PACKAGES: readonly TinyPackage[] = [
  { name: 'base', version: '1:2.0-1', fields: { Essential: 'yes', 'Pre-Depends': 'libbase' } },
  { name: 'libbase' },
  { name: 'tools', fields: { Priority: 'required', Depends: 'libbase' } },
  { name: 'web-server', fields: { Depends: 'libweb (>= 2)', Recommends: 'web-docs' } },
  { name: 'libweb', version: '2.1' },
  { name: 'web-docs' },
  { name: 'mailer-a', fields: { Provides: 'mailer' } },
  { name: 'mailer-b', fields: { Provides: 'mailer', Conflicts: 'mailer-a' } },
  { name: 'half', fields: { Depends: 'not-here' } },
];

let bench: Bench;

beforeAll(async () => {
  bench = await Bench.make();
});
afterAll(() => bench.clear());
beforeEach(() => bench.nextArchive());

async function namesFor(wish: Wish): Promise<string[]> {
  const { packages } = await bench.resolved(wish);
  return packages.map(({ name }) => name).sort();
}

describe('resolvePackages', () => {
  test('names file, size and SHA256 of every package, dependencies first', async () => {
    await bench.publish(PACKAGES);
    const { packages, totals } = await bench.resolved();
    expect(packages.map(({ name }) => name)).toEqual(['libbase', 'base', 'tools']);
    const file = join(bench.repository.folder, bench.archive, 'pool/base_2.0-1_amd64.deb');
    const bytes = await readFile(file);
    expect(packages[1]).toEqual({
      name: 'base',
      version: '1:2.0-1',
      architecture: 'amd64',
      url: `${bench.url}/pool/base_2.0-1_amd64.deb`,
      sizeBytes: bytes.length,
      sha256: createHash('sha256').update(bytes).digest('hex'),
      installedBytes: 100 * 1024,
      batch: 0,
    });
    const downloadBytes = packages.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    expect(totals).toEqual({ packageCount: 3, downloadBytes, installedBytes: 300 * 1024 });
  });

  test('adds what the appliance needs and what the manifest asks for, with dependencies', async () => {
    await bench.publish(PACKAGES);
    const names = await namesFor({ packages: ['web-server'], extraPackages: ['mailer-a'] });
    expect(names).toEqual(['base', 'libbase', 'libweb', 'mailer-a', 'tools', 'web-server']);
  });

  test('adds recommended packages only when told', async () => {
    await bench.publish(PACKAGES);
    expect(await namesFor({ packages: ['web-server'], recommends: true })).toContain('web-docs');
  });

  test('takes the newer version from the updates and the security archive', async () => {
    await bench.publish(PACKAGES);
    await bench.publish([{ name: 'libbase', version: '1.1' }], { suite: 'trixie-updates' });
    const security = [{ name: 'tools', version: '1.2', fields: { Priority: 'required' } }];
    await bench.publish(security, { suite: 'trixie-security' });
    const { packages, sources } = await bench.resolved({
      repository: { updates: true, security: bench.url },
    });
    const versions = packages.map(({ name, version }) => `${name} ${version}`).sort();
    expect(versions).toEqual(['base 1:2.0-1', 'libbase 1.1', 'tools 1.2']);
    expect(sources.text).toContain('Suites: trixie trixie-updates\n');
    expect(sources.text).toContain('Suites: trixie-security\n');
  });

  test('downloads an index again only when it has changed', async () => {
    await bench.publish(PACKAGES);
    await bench.resolved();
    const { requests } = bench.repository;
    requests.length = 0;
    await bench.resolved();
    expect(requests).toEqual([`/${bench.archive}/dists/trixie/InRelease`]);
    await bench.publish([...PACKAGES, { name: 'brand-new' }]);
    // The server tells times in whole seconds.
    await run(['touch', '--date=+5 seconds', bench.distFile('InRelease')]);
    expect(await namesFor({ packages: ['brand-new'] })).toContain('brand-new');
  });

  test('gives the same bits again when it remembers the answer', async () => {
    await bench.publish(PACKAGES);
    const { packages } = await bench.resolved();
    expect(JSON.stringify((await bench.resolved()).packages)).toBe(JSON.stringify(packages));
  });

  test('two at a time do not disturb each other', async () => {
    await bench.publish(PACKAGES);
    const [one, two] = await Promise.all([
      namesFor({ packages: ['mailer-a'] }),
      namesFor({ packages: ['mailer-b'] }),
    ]);
    expect(one).toEqual(['base', 'libbase', 'mailer-a', 'tools']);
    expect(two).toEqual(['base', 'libbase', 'mailer-b', 'tools']);
  });

  test('works in a folder with a blank in its name', async () => {
    await bench.publish(PACKAGES);
    expect(await namesFor({ cache: 'my cache' })).toEqual(['base', 'libbase', 'tools']);
  });

  test('ends with the signal’s reason', async () => {
    await bench.publish(PACKAGES);
    bench.repository.intercept = () => true;
    const reason = new Error('stopped by the test');
    const stop = new AbortController();
    setTimeout(() => stop.abort(reason), 200);
    await expect(bench.resolve({}, quietProgress(stop.signal))).rejects.toBe(reason);
  });
});

describe('an extra repository', () => {
  const THEIRS: readonly TinyPackage[] = [{ name: 'vendor-tool', fields: { Depends: 'libbase' } }];

  async function wishWith(file: string): Promise<Wish> {
    const url = bench.url;
    bench.nextArchive();
    await bench.publish(PACKAGES);
    const extra = [{ url, suite: 'trixie', components: ['main'], key: file }];
    const payload = { keys: [{ index: 0, hostPath: file }] };
    return { packages: ['vendor-tool'], repository: { extra }, payload };
  }

  test('is read with its own key, binary or armored, and kept in the appliance', async () => {
    const key = await makeKey(join(bench.folder, 'vendor-key'));
    await bench.publish(THEIRS, {}, key);
    const armored = join(bench.folder, 'vendor.asc');
    await run(['gpg', '--homedir', key.home, '--armor', '--output', armored, '--export']);
    const wish = await wishWith(key.publicKey);
    expect(await namesFor(wish)).toContain('vendor-tool');
    const payload = { keys: [{ index: 0, hostPath: armored }] };
    const { sources } = await bench.resolved({ ...wish, payload });
    const [keyring] = sources.keyrings;
    expect(sources.text).toContain(`Signed-By: ${keyring?.path}\n`);
    const shown = await run(['gpg', '--show-keys'], { input: keyring?.armored ?? '' });
    expect(shown.stdout).toContain('Test <test@example.org>');
    await endKey(key);
  });

  test('is not trusted because of Debian’s key, nor Debian because of its', async () => {
    const key = await makeKey(join(bench.folder, 'foreign-key'));
    await bench.publish(THEIRS);
    const foreign = await wishWith(key.publicKey);
    expect(await bench.failure(foreign)).toMatchObject({ code: 'repository-key-missing' });
    bench.nextArchive();
    await bench.publish(THEIRS, {}, key);
    const both = await wishWith(key.publicKey);
    await bench.publish(PACKAGES, {}, key);
    expect(await bench.failure(both)).toMatchObject({ code: 'repository-key-missing' });
    await endKey(key);
  });
});

describe('problems of the manifest', () => {
  test('every package that is not there, with the one that was meant', async () => {
    await bench.publish(PACKAGES);
    const packages = ['web-server', 'web-sever', 'entirely-different', 'mailer', 'tools-'];
    expect(await bench.problems({ packages })).toEqual([
      {
        path: ['packages', 1],
        message: 'the repository has no package "web-sever"',
        hint: 'did you mean web-server?',
      },
      {
        path: ['packages', 2],
        message: 'the repository has no package "entirely-different"',
        hint: undefined,
      },
      {
        path: ['packages', 3],
        message: '"mailer" is no package of its own; others provide it',
        hint: 'name the one that is wanted: mailer-a, mailer-b',
      },
      {
        path: ['packages', 4],
        message: 'the repository has no package "tools-"',
        hint: 'did you mean tools?',
      },
    ]);
  });

  test('a disk without room for the packages and the files', async () => {
    const large = { name: 'large', fields: { 'Installed-Size': String(2 * 2 ** 20) } };
    await bench.publish([...PACKAGES, large]);
    const content = { kind: 'inline', text: 'x' } as const;
    const files = [{ path: '/etc/motd', content, owner: 'root:root', mode: '0644' }];
    const wish = { packages: ['large'], payload: { files } };
    expect(await bench.problems({ ...wish, disk: '4 GiB' })).toEqual([
      {
        path: ['machine', 'disk'],
        message:
          '4 GiB is too small: packages and files take 2.0 GiB, and their installation needs a disk of 4.9 GiB',
        hint: 'write 5 GiB or more; only what is used takes room in the export',
      },
    ]);
    expect(await bench.problems({ ...wish, disk: '5 GiB' })).toEqual([]);
  });
});

describe('failures of the repository', () => {
  test('packages that do not go together', async () => {
    await bench.publish(PACKAGES);
    const conflict = await bench.failure({ packages: ['mailer-a', 'mailer-b'] });
    expect(conflict).toMatchObject({
      code: 'dependencies-unmet',
      message: 'the packages cannot be installed together',
    });
    expect(conflict.details.join('\n')).toContain('mailer-b : Conflicts: mailer-a');
    const half = await bench.failure({ packages: ['half'] });
    expect(half.details[0]?.trim()).toBe('half : Depends: not-here but it is not installable');
  });

  test('a package that every appliance needs is not there', async () => {
    await bench.publish(PACKAGES);
    expect(await bench.failure({ extraPackages: ['linux-image-amd64'] })).toMatchObject({
      code: 'package-lacking',
      message: 'the repository has no package linux-image-amd64, which every appliance needs',
    });
  });

  test('nobody listens', async () => {
    const server = createServer();
    await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
    const address = server.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    await new Promise((closed) => server.close(closed));
    const mirror = `http://127.0.0.1:${port}/debian`;
    expect(await bench.failure({ repository: { mirror } })).toMatchObject({
      code: 'repository-not-answering',
      message: expect.stringContaining(`${mirror} trixie does not answer`),
    });
  });

  test('the host does not exist', async () => {
    const mirror = 'http://pvmc.invalid/debian';
    expect(await bench.failure({ repository: { mirror } })).toMatchObject({
      code: 'repository-not-answering',
      message: `${mirror} trixie does not answer: no such host pvmc.invalid`,
    });
  });

  test('the server takes the request and says nothing', async () => {
    bench.repository.intercept = () => true;
    expect(await bench.failure()).toMatchObject({
      code: 'repository-not-answering',
      message: `${bench.url} trixie does not answer: connection failed`,
    });
  });

  test('there is no TLS where it should be', async () => {
    const mirror = bench.url.replace('http:', 'https:');
    expect(await bench.failure({ repository: { mirror } })).toMatchObject({
      code: 'repository-tls-failed',
    });
  });

  test('the suite does not exist', async () => {
    expect(await bench.failure()).toMatchObject({
      code: 'suite-not-found',
      message: `${bench.url} trixie does not exist`,
    });
  });

  test('a component does not exist', async () => {
    await bench.publish(PACKAGES);
    expect(await bench.failure({ repository: { components: ['main', 'mane'] } })).toMatchObject({
      code: 'component-not-found',
      message: `${bench.url} trixie has no component mane`,
    });
  });

  test('the server refuses', async () => {
    bench.repository.intercept = (_request, response) => {
      response.writeHead(403).end();
      return true;
    };
    expect(await bench.failure()).toMatchObject({
      code: 'repository-refused',
      message: `${bench.url} trixie refuses: 403 Forbidden`,
    });
  });

  test('somebody else answers', async () => {
    bench.repository.intercept = (_request, response) => {
      response.writeHead(200).end('<html>Please sign in</html>');
      return true;
    };
    expect(await bench.failure()).toMatchObject({
      code: 'repository-garbled',
      message: `${bench.url} trixie sent something else than a Release file`,
    });
  });

  test('the Release file was changed after it was signed', async () => {
    await bench.publish(PACKAGES);
    const text = await readFile(bench.distFile('InRelease'), 'utf8');
    await writeFile(bench.distFile('InRelease'), text.replace('Origin: Test', 'Origin: Tast'));
    expect(await bench.failure()).toMatchObject({
      code: 'repository-signature-invalid',
      message: `the signature of ${bench.url} trixie is not valid`,
    });
  });

  test('the Release file is signed by another key', async () => {
    const key = await makeKey(join(bench.folder, 'other-key'));
    await bench.publish(PACKAGES, {}, key);
    await endKey(key);
    expect(await bench.failure()).toMatchObject({
      code: 'repository-key-missing',
      message: expect.stringMatching(/ trixie is signed by the key [0-9A-F]{16,}, which is not/),
    });
  });

  test('the Release file is not signed', async () => {
    await bench.publish(PACKAGES);
    await run(['rm', bench.distFile('InRelease')]);
    expect(await bench.failure()).toMatchObject({
      code: 'repository-unsigned',
      message: `${bench.url} trixie is not signed`,
    });
  });

  test('the Release file has expired', async () => {
    await bench.publish(PACKAGES, { validDays: -2 });
    expect(await bench.failure()).toMatchObject({
      code: 'repository-expired',
      message: expect.stringMatching(/ trixie is out of date: its Release file expired (2d|48h) /),
    });
  });

  test('an index is not the one that was signed, and an older one is not used instead', async () => {
    await bench.publish(PACKAGES);
    await bench.resolved();
    await bench.publish([...PACKAGES, { name: 'new-one' }]);
    await run(['touch', '--date=+5 seconds', bench.distFile('InRelease')]);
    for (const name of ['Packages', 'Packages.gz']) {
      await writeFile(bench.distFile(`main/binary-amd64/${name}`), 'Package: evil\n');
    }
    expect(await bench.failure()).toMatchObject({
      code: 'repository-hash-mismatch',
      message: `${bench.url} trixie sent a file that does not match its signed index`,
    });
  });

  test('nothing answers any more although the indexes are known', async () => {
    await bench.publish(PACKAGES);
    await bench.resolved();
    bench.repository.intercept = (request) => {
      request.destroy();
      return true;
    };
    expect(await bench.failure()).toMatchObject({ code: 'repository-not-answering' });
  });
});

test('without the archive’s keyring nothing is begun', async () => {
  await bench.publish(PACKAGES);
  const archiveKeyring = join(bench.folder, 'no-keyring.gpg');
  await expect(bench.resolve({ archiveKeyring })).rejects.toMatchObject({
    kind: 'host',
    code: 'keyring-missing',
    message: `${archiveKeyring}, which holds the keys of Debian's archive, cannot be read`,
  });
});

test('apt knows no folder but its own, nor anything of the host’s configuration', async () => {
  await bench.publish(PACKAGES);
  await bench.resolved({ cache: 'apart' });
  const [key = ''] = await readdir(join(bench.folder, 'apart/repository'));
  const folder = join(bench.folder, 'apart/repository', key);
  const env = { APT_CONFIG: join(folder, 'apt.conf') };
  const { stdout } = await run(['apt-config', 'shell', ...DIRECTORIES.flat()], { env });
  const paths = [...stdout.matchAll(/^\w+='(.*)'$/gm)].map(([, path = '']) => path);
  expect(paths).toHaveLength(DIRECTORIES.length);
  for (const path of paths) {
    expect(`${path}/`.startsWith(`${folder}/`) || path.startsWith('/dev/null'), path).toBe(true);
  }
});

/** What apt reads and writes, as `apt-config shell` wants it: a variable, and a path in full. */
const DIRECTORIES = [
  'State::lists',
  'State::status',
  'State::extended_states',
  'Cache::archives',
  'Cache::pkgcache',
  'Etc::main',
  'Etc::parts',
  'Etc::netrc',
  'Etc::netrcparts',
  'Etc::sourcelist',
  'Etc::sourceparts',
  'Etc::preferences',
  'Etc::preferencesparts',
  'Etc::trusted',
  'Etc::trustedparts',
  'Log',
].map((name, index) => [`V${index}`, `Dir::${name}/f`]);
