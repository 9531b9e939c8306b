import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { FoundFile } from '../manifest/payload.ts';
import type { TinyPackage } from './tiny-repository.ts';
import { Bench } from './tiny-resolve.ts';

const UNITS = 'usr/lib/systemd/system';

const PACKAGES: readonly TinyPackage[] = [
  {
    name: 'systemd',
    fields: { Essential: 'yes' },
    files: {
      [`${UNITS}/getty@.service`]: '[Service]\n',
      [`${UNITS}/autovt@.service`]: '-> getty@.service',
      [`${UNITS}/graphical.target.wants/other.service`]: '-> ../other.service',
    },
  },
  {
    name: 'openssh-server',
    files: {
      [`${UNITS}/ssh.service`]: '[Install]\nWantedBy=multi-user.target\nAlias=sshd.service\n',
      [`${UNITS}/ssh.socket`]: '[Socket]\n',
    },
  },
  { name: 'nginx', fields: { Depends: 'nginx-common' } },
  { name: 'nginx-common', files: { 'lib/systemd/system/nginx.service': '[Service]\n' } },
  {
    name: 'oldies',
    files: { 'etc/init.d/oldie': '#!/bin/sh\n', [`${UNITS}/hwclock.service`]: '-> /dev/null' },
  },
  { name: 'unrelated' },
];

const ALL = ['openssh-server', 'nginx', 'oldies', 'unrelated'];

let bench: Bench;

beforeAll(async () => {
  bench = await Bench.make();
});
afterAll(() => bench.clear());
beforeEach(async () => {
  bench.nextArchive();
  await bench.publish(PACKAGES);
});

function textFile(path: string): FoundFile {
  return { path, content: { kind: 'inline', text: '' }, owner: 'root:root', mode: '0644' };
}

describe('services', () => {
  test('are units of any package: files, links, instances of templates, init scripts', async () => {
    const services = {
      ssh: 'on',
      'ssh.socket': 'off',
      'nginx.service': 'on',
      'getty@tty2': 'on',
      'autovt@tty3.service': 'off',
      oldie: 'on',
    } as const;
    expect(await bench.problems({ packages: ALL, services })).toEqual([]);
  });

  test('may come with the manifest’s own files', async () => {
    const files = [textFile('/etc/systemd/system/mine.service'), textFile('/etc/init.d/older')];
    const services = { mine: 'on', older: 'on' } as const;
    expect(await bench.problems({ services, payload: { files } })).toEqual([]);
    expect(await bench.problems({ services })).toHaveLength(2);
  });

  test('of no package, with the one that was meant', async () => {
    const services = { ngnix: 'on', 'ssh.soket.socket': 'off', quite_other: 'on' } as const;
    expect(await bench.problems({ packages: ALL, services })).toEqual([
      {
        path: ['services', 'ngnix'],
        place: 'key',
        message: 'no package of the appliance has the service "ngnix"',
        hint: 'did you mean nginx?',
      },
      {
        path: ['services', 'ssh.soket.socket'],
        place: 'key',
        message: 'no package of the appliance has the service "ssh.soket.socket"',
        hint: expect.any(String),
      },
      {
        path: ['services', 'quite_other'],
        place: 'key',
        message: 'no package of the appliance has the service "quite_other"',
        hint: 'add the package that has it, or put its unit into /etc/systemd/system with `files`',
      },
    ]);
  });

  test('whose package is not installed are missing', async () => {
    const services = { nginx: 'on' } as const;
    expect(await bench.problems({ packages: ['openssh-server'], services })).toHaveLength(1);
  });

  test('cannot be switched on by another name, or when masked, but off', async () => {
    const on = { sshd: 'on', hwclock: 'on' } as const;
    expect(await bench.problems({ packages: ALL, services: on })).toMatchObject([
      { message: '"sshd" is another name of ssh.service', hint: 'write ssh' },
      { message: '"hwclock" is masked by its package and cannot be on' },
    ]);
    const off = { sshd: 'off', hwclock: 'off' } as const;
    expect(await bench.problems({ packages: ALL, services: off })).toEqual([]);
  });
});

describe('the search', () => {
  function fetched(): string[] {
    const { requests } = bench.repository;
    return requests
      .filter((path) => path.endsWith('.deb'))
      .map((path) => path.split('/').at(-1) ?? '');
  }

  test('reads the likely packages only, and each one once', async () => {
    const wish = { packages: ALL, services: { ssh: 'on' }, cache: 'likely' } as const;
    bench.repository.requests.length = 0;
    expect(await bench.problems(wish)).toEqual([]);
    expect(fetched()).toEqual(['openssh-server_1.0_amd64.deb']);
    bench.repository.requests.length = 0;
    expect(await bench.problems(wish)).toEqual([]);
    expect(fetched()).toEqual([]);
  });

  test('reads nothing without services, and leaves no package behind', async () => {
    bench.repository.requests.length = 0;
    await bench.resolved({ packages: ALL, cache: 'none' });
    expect(fetched()).toEqual([]);
    await bench.problems({ packages: ALL, services: { nothing: 'on' }, cache: 'none' });
    expect(fetched().length).toBeGreaterThan(3);
    const left = await readdir(join(bench.folder, 'none'), { recursive: true });
    expect(left.filter((path) => path.endsWith('.deb') || path.includes('download-'))).toEqual([]);
  });

  test('fails when a package is not the one in the index', async () => {
    bench.repository.intercept = (request, response) => {
      if (request.url?.endsWith('.deb') !== true) return false;
      response.writeHead(200).end('evil');
      return true;
    };
    const wish = { packages: ALL, services: { ssh: 'on' }, cache: 'evil' } as const;
    expect(await bench.failure(wish)).toMatchObject({ code: 'repository-hash-mismatch' });
  });
});
