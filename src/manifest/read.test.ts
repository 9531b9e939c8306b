import { mkdtemp, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { PvmcError } from '../system/error.ts';
import { run } from '../system/run.ts';
import { manifestError, parseManifest, problemAt, readManifest } from './read.ts';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pvmc-manifest-'));
});

afterAll(async () => {
  await rm(folder, { recursive: true });
});

async function file(name: string, content: string | Uint8Array): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, content);
  return path;
}

/** The error's code and message, without the folder that the test made. */
async function refusal(path: string): Promise<string> {
  const error: unknown = await readManifest(path).catch((thrown: unknown) => thrown);
  if (!(error instanceof PvmcError)) throw new Error('no PvmcError', { cause: error });
  expect(error.kind).toBe('manifest');
  return `${error.code}: ${error.message}`.replaceAll(`${folder}/`, '');
}

describe('what is read', () => {
  const text = 'name: demo\nversion: "1.0"\n';

  test('a file', async () => {
    const path = await file('demo.yaml', text);
    const read = await readManifest(path);
    expect(read).toMatchObject({ path, folder, text });
    expect(read.manifest.name).toBe('demo');
  });

  test('a folder means its appliance.yaml', async () => {
    await file('appliance.yaml', text);
    expect((await readManifest(folder)).path).toBe(join(folder, 'appliance.yaml'));
  });

  test('a byte order mark and the line ends of Windows do not matter', () => {
    const bytes = new TextEncoder().encode('\ufeffname: demo\r\nversion: "1.0"\r\n');
    expect(parseManifest('demo.yaml', bytes).manifest.version).toBe('1.0');
  });

  test('defaults are filled in and sizes are bytes', () => {
    const { manifest } = parseManifest('demo.yaml', new TextEncoder().encode(text));
    expect(manifest).toEqual({
      name: 'demo',
      version: '1.0',
      description: '',
      machine: { memory: 2 ** 30, cpus: 2, disk: 2 ** 33, firmware: 'bios', network: 'nat' },
      repository: {
        suite: 'trixie',
        mirror: 'http://deb.debian.org/debian',
        components: ['main'],
        security: 'http://deb.debian.org/debian-security',
        updates: true,
        extra: [],
      },
      packages: [],
      recommends: false,
      locale: 'C.UTF-8',
      timezone: 'Etc/UTC',
      keyboard: 'us',
      users: [],
      network: 'dhcp',
      services: {},
      files: [],
      scripts: [],
      checks: [],
      exports: ['ova'],
      timeouts: {},
    });
  });

  test('everything that can be said', () => {
    const lines = `
name: shop
version: 2.0~rc1+b3
description: |
  The shop,
  ready to run
vendor: { name: Example GmbH, url: https://example.org/ }
machine: { memory: 1.5 GiB, cpus: 4, disk: 20 GB, firmware: uefi, network: none }
repository:
  suite: sid
  components: [main, contrib]
  extra: [{ url: https://example.org/debian, suite: ./, key: example.asc }]
packages: [nginx, libstdc++6, sudo]
recommends: true
hostname: shop.example.org
locale: de_AT.UTF-8
timezone: Asia/Kolkata
keyboard: at
users:
  - name: ada
    password-hash: $y$j9T$F5Jx5fExrKuPp53xLKQ..1$X3DX6M94c7o.9agCG9G317fhZg9SqC.5i5rd.RhAtQ7
    ssh-keys: [ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcH ada]
    groups: [adm]
    sudo: password
    shell: /bin/sh
  - name: root
    password-hash: $6$saltsalt$qFmFH.bQmmtXzyBY0s9v7Oicd2z4XSIecDzlB5KiA2/jctKu9YterLp8wwnSq.qc.eoxqOmSuNp2xS0ktL3nh/
network: { address: "2001:db8::10/64", gateway: "fe80::1", dns: ["2001:db8::53", 9.9.9.9] }
services: { nginx: on, apt-daily.timer: false, getty@tty2: true }
files:
  - { path: /etc/motd, content: "Hello\\n", mode: "0600", owner: "0:0" }
scripts:
  - { name: Say it, run: echo hello }
checks:
  - command: test -e /etc/motd
  - port: 80
  - { http: "http://localhost:8080/x?y=1", status: 301, contains: Hello }
exports: [raw, qcow2, ova]
`;
    const { manifest } = parseManifest('shop.yaml', new TextEncoder().encode(lines));
    expect(manifest.machine).toMatchObject({ memory: 1.5 * 2 ** 30, disk: 19074 * 2 ** 20 });
    expect(manifest.repository).toMatchObject({ security: false, updates: false });
    expect(manifest.services).toEqual({
      nginx: 'on',
      'apt-daily.timer': 'off',
      'getty@tty2': 'on',
    });
    expect(manifest.checks[2]).toEqual({
      http: 'http://localhost:8080/x?y=1',
      status: 301,
      contains: 'Hello',
    });
  });
});

describe('what cannot be read', () => {
  test('a file that is not there', async () => {
    expect(await refusal(join(folder, 'none.yaml'))).toBe(
      'manifest-missing: there is no none.yaml',
    );
    expect(await refusal(join(folder, 'demo.yaml', 'x'))).toBe(
      'manifest-missing: there is no demo.yaml/x',
    );
  });

  test('a folder without a manifest', async () => {
    const empty = await mkdtemp(join(folder, 'empty'));
    expect(await refusal(empty)).toMatch(
      /^manifest-missing: the folder empty\w+ has no appliance\.yaml$/,
    );
  });

  test('a file of more than 1 MiB', async () => {
    const path = await file('large.yaml', '');
    await truncate(path, 2 ** 20 + 1);
    expect(await refusal(path)).toMatch(
      /^manifest-unreadable: large\.yaml cannot be read as a manifest: it has .* at most 1 MiB$/,
    );
  });

  test('a named pipe, which nobody writes to', async () => {
    const path = join(folder, 'pipe.yaml');
    await run(['mkfifo', path]);
    expect(await refusal(path)).toBe(
      'manifest-unreadable: pipe.yaml cannot be read as a manifest: it is no regular file',
    );
  });

  test('a link to itself', async () => {
    await symlink('circle.yaml', join(folder, 'circle.yaml'));
    expect(await refusal(join(folder, 'circle.yaml'))).toMatch(
      /^manifest-unreadable: circle\.yaml/,
    );
  });
});

describe('problems that others find later', () => {
  const text =
    'name: demo\nversion: "1.0"\npackages:\n  - nginx\n  - ngnix\nmachine: {disk: 2 GiB}\n';
  const read = parseManifest('demo.yaml', new TextEncoder().encode(text));

  test('are shown like those of the schema', () => {
    const error = manifestError(read, [
      problemAt(read, { path: ['machine', 'disk'], message: 'is too small for the packages' }),
      problemAt(read, {
        path: ['packages', 1],
        message: 'the repository has no package "ngnix"',
        hint: 'did you mean nginx?',
      }),
    ]);
    expect(error.message).toBe('demo.yaml has 2 problems');
    expect(error.details.join('\n')).toMatchInlineSnapshot(`
      "demo.yaml:5:5: packages[1]: the repository has no package "ngnix"
        5 |   - ngnix
          |     ^
        hint: did you mean nginx?

      demo.yaml:6:17: machine.disk is too small for the packages
        6 | machine: {disk: 2 GiB}
          |                 ^"
    `);
  });

  test('a place that the file does not have is the nearest one above it', () => {
    expect(read.positionOf(['packages', 9])).toEqual({ line: 3, column: 1 });
    expect(read.positionOf(['machine', 'memory'])).toEqual({ line: 6, column: 1 });
    expect(read.positionOf(['users', 0, 'name'])).toEqual({ line: 1, column: 1 });
  });
});

/** Whatever it is, it is read or refused as what it is, and never shown raw on a terminal. */
function readOrRefuse(bytes: Uint8Array): void {
  try {
    parseManifest('any.yaml', bytes);
  } catch (error) {
    if (!(error instanceof PvmcError)) throw error;
    expect(error.kind).toBe('manifest');
    expect(error.details.join('')).not.toMatch(/[\p{Cc}\p{Cs}]/u);
  }
}

describe('no input makes the reader fail in another way', () => {
  test('any bytes', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), readOrRefuse));
  });

  test('pieces of YAML in any order', () => {
    const pieces =
      'name: |version: |users:\n|  - |- |\n| |\t|: |&a |*a|[|]|{|}|"|\'|>|? |---\n|!!int |<<: |#|' +
      '%YAML 1.1\n|0644|on|packages:\n|checks: |port: |network: |__proto__: |constructor: |\ud83d\ude00';
    const piece = fc.constantFrom('|', ...pieces.split('|'));
    const text = fc.array(piece, { maxLength: 40 }).map((chosen) => chosen.join(''));
    fc.assert(
      fc.property(text, (written) => readOrRefuse(new TextEncoder().encode(written))),
      { numRuns: 2000 },
    );
  });

  test('any values under the known keys', () => {
    const keys = [
      'name',
      'version',
      'vendor',
      'machine',
      'repository',
      'packages',
      'users',
      'network',
    ];
    const more = ['services', 'files', 'scripts', 'checks', 'exports', 'locale', '__proto__'];
    const value = fc.anything({
      key: fc.constantFrom(
        'name',
        'path',
        'source',
        'port',
        'http',
        'address',
        'key',
        '__proto__',
        'x y',
      ),
      values: [fc.string({ unit: 'binary' }), fc.integer(), fc.boolean(), fc.constant(null)],
      maxDepth: 3,
    });
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom(...keys, ...more), value), (manifest) =>
        readOrRefuse(
          new TextEncoder().encode(stringify(manifest, { aliasDuplicateObjects: false })),
        ),
      ),
      { numRuns: 300 },
    );
  });

  test('parts that contain themselves', () => {
    for (const text of ['packages: &a [*a]\n', 'users: &a\n  - *a\n', '&a\nmachine: *a\n']) {
      readOrRefuse(new TextEncoder().encode(text));
    }
  });

  test('a large file of the same key takes no long time', () => {
    const started = performance.now();
    readOrRefuse(new TextEncoder().encode('a:\n'.repeat(100_000)));
    expect(performance.now() - started).toBeLessThan(20_000);
  });
});
