/** Computers on which programs are missing, or others than they should be: a PATH of our own making. */
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import debianPackages from '../../../scripts/debian-packages.json' with { type: 'json' };
import type { Finding } from '../finding.ts';
import type { Who } from '../who.ts';
import { hardwareVirtualization } from './hardware-virtualization.ts';
import { programItself } from './program-itself.ts';
import { programs, versions } from './programs.ts';
import { subordinateIdsCommand } from './subordinate-ids.ts';
import { userNamespaces } from './user-namespaces.ts';
import { virtualBox } from './virtualbox.ts';

const { signal } = new AbortController();

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pvmc-preflight-'));
  await mkdir(join(folder, 'bin'));
  vi.stubEnv('PATH', join(folder, 'bin'));
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true });
});

async function program(name: string, script = 'exit 0'): Promise<void> {
  const path = join(folder, 'bin', name);
  await writeFile(path, `#!/bin/sh\n${script}\n`);
  await chmod(path, 0o755);
}

async function put(name: string, text: string): Promise<string> {
  await writeFile(join(folder, name), text);
  return join(folder, name);
}

const states = (findings: readonly Finding[]) => findings.map(({ state }) => state);

test('an old Node.js is named with where to get another', async () => {
  expect(states(await programItself('1.0').look(signal))).toEqual(['ok', 'ok']);
  const [, node] = await programItself('1.0', '18.20.4').look(signal);
  expect(node).toMatchObject({
    state: 'problem',
    finding: 'Node.js 18.20.4 is older than 20.19, the oldest that will do',
  });
});

describe('programs', () => {
  const commands = debianPackages
    .filter((each) => each.for === 'main' && each.look.startsWith('command:'))
    .map((each) => each.look.replace('command:', ''));

  test('that are missing have one command that installs them all', async () => {
    for (const name of commands) if (name !== 'xorriso' && name !== 'mcopy') await program(name);
    const missing = (await programs().look(signal)).filter(({ finding }) =>
      /xorriso|mcopy/.test(finding),
    );
    expect(missing.map(({ finding }) => finding)).toEqual([
      'there is no xorriso, which writes the PVMC ISO (package xorriso)',
      'there is no mcopy, which fills the PVMC ISO’s EFI partition (package mtools)'.replace(
        '’',
        "'",
      ),
    ]);
    expect(states(missing)).toEqual(['problem', 'problem']);
  });

  test('of which there are none at all are still told', async () => {
    const findings = await programs().look(signal);
    expect(findings.length).toBeGreaterThan(8);
    const { cure } = findings.at(-1) ?? {};
    expect(JSON.stringify(cure)).toContain(' qemu-system-x86 qemu-utils ');
    expect(await versions().look(signal)).toEqual([]);
  });

  test('tell their versions, and an old QEMU is a problem', async () => {
    await program('qemu-system-x86_64', 'echo QEMU emulator version 5.2.0');
    await program('mmdebstrap', 'echo mmdebstrap 1.5.7');
    expect(await versions().look(signal)).toMatchObject([
      { state: 'problem', finding: expect.stringContaining('is too old') },
      { state: 'ok', finding: 'mmdebstrap 1.5.7' },
    ]);
  });
});

describe('KVM', () => {
  async function look(flags: string, devicePath = join(folder, 'kvm')) {
    await program('qemu-system-x86_64', 'exit 1');
    const cpuInfoPath = await put('cpuinfo', `flags\t\t: fpu ${flags} sse\n`);
    const findings = await hardwareVirtualization({ cpuInfoPath, devicePath }).look(signal);
    return findings[0];
  }

  test('cannot be tried without QEMU', async () => {
    expect(states(await hardwareVirtualization().look(signal))).toEqual(['absent']);
  });

  test('is a warning at most, with what cures it', async () => {
    expect(await look('')).toMatchObject({
      state: 'warning',
      cure: { advice: expect.stringContaining('firmware setup') },
    });
    expect((await look('vmx'))?.cure?.commands?.join()).toContain('modprobe kvm_intel');
    expect((await look('svm'))?.cure?.commands?.join()).toContain('modprobe kvm_amd');
    const works = await put('device', '');
    expect(await look('svm', works)).toMatchObject({
      state: 'warning',
      finding: expect.stringContaining('KVM does not work on this host'),
    });
  });
});

describe('user namespaces', () => {
  const who: Who = { name: 'ann', uid: 1000, gid: 1000, asRoot: (command) => `sudo ${command}` };

  async function look(
    settings: Readonly<Record<string, string>> = {},
    refusal = 'problem' as const,
  ) {
    const sysctlFolder = join(folder, 'sys');
    for (const group of ['kernel', 'user'])
      await mkdir(join(sysctlFolder, group), { recursive: true });
    for (const [name, value] of Object.entries(settings))
      await put(join('sys', name.replaceAll('.', '/')), `${value}\n`);
    const files = { userPath: join(folder, 'subuid'), groupPath: join(folder, 'subgid') };
    return userNamespaces({ refusal, who, files, sysctlFolder }).look(signal);
  }

  const given = async () => {
    for (const name of ['subuid', 'subgid']) await put(name, 'ann:100000:65536\n');
    await program('newuidmap');
  };

  test('are not needed by root, and are tried by others', async () => {
    const root = { ...who, name: 'root', uid: 0 };
    expect(await userNamespaces({ refusal: 'problem', who: root }).look(signal)).toEqual([
      { state: 'ok', finding: 'not needed by root' },
    ]);
    await program('unshare');
    expect(await look()).toEqual([{ state: 'ok', finding: 'work' }]);
  });

  test('are refused for want of ids and their program', async () => {
    await program('unshare', 'echo "unshare: no line matching user in /etc/subuid" >&2; exit 1');
    await put('subuid', 'bob:100000:65536\neve:300000:65536\n');
    expect(await look()).toEqual([
      {
        state: 'problem',
        finding:
          'the medium’s system cannot be made without root here: unshare: no line matching user in /etc/subuid',
        cure: {
          commands: [
            'sudo apt-get install --yes uidmap',
            'sudo usermod --add-subuids 365536-431071 --add-subgids 100000-165535 ann',
          ],
        },
      },
    ]);
  });

  test.each([
    ['kernel.unprivileged_userns_clone', '0', 1],
    ['user.max_user_namespaces', '0', 15000],
    ['kernel.apparmor_restrict_unprivileged_userns', '1', 0],
  ])('are refused by %s', async (name, value, allowed) => {
    await given();
    await program('unshare', 'exit 1');
    const [found] = await look({ [name]: value });
    expect(found?.cure?.commands).toEqual([
      `sudo echo ${name}=${allowed} >/etc/sysctl.d/90-${name.split('.')[1]}.conf && sysctl --system`,
    ]);
  });

  test('are refused without a reason that we know', async () => {
    await given();
    await program('unshare', 'exit 1');
    const [found] = await look({ 'kernel.unprivileged_userns_clone': '1' });
    expect(found?.cure?.advice).toMatch(/as root/);
  });

  test('are given ids by number, too', async () => {
    const files = {
      userPath: await put('subuid', '1000:1:65536'),
      groupPath: await put('subgid', 'ann:1:65536\n# x'),
    };
    expect(await subordinateIdsCommand(who, files)).toBeUndefined();
  });
});

describe('VirtualBox', () => {
  interface Situation {
    readonly version: string;
    readonly kernel: string;
    readonly atLoad?: 'Y' | 'N';
    readonly kvm?: string;
    readonly driver?: boolean;
  }

  async function look({ version, kernel, atLoad, kvm = 'kvm_intel', driver = true }: Situation) {
    await program('VBoxManage', `echo 'WARNING: The character device'; echo '${version}'`);
    await mkdir(join(folder, 'module', kvm), { recursive: true });
    await mkdir(join(folder, 'module/kvm/parameters'), { recursive: true });
    if (atLoad !== undefined) await put('module/kvm/parameters/enable_virt_at_load', `${atLoad}\n`);
    if (driver) await put('vboxdrv', '');
    const places = {
      modules: join(folder, 'module'),
      device: join(folder, 'vboxdrv'),
      kernel,
    };
    return virtualBox(places).look(signal);
  }

  test('is not needed', async () => {
    expect(states(await virtualBox().look(signal))).toEqual(['absent']);
  });

  test.each<Situation>([
    { version: '7.0.20', kernel: '6.1.0-40-amd64' },
    { version: '7.2.10', kernel: '6.1.0-40-amd64' },
    { version: '7.1.12', kernel: '6.12.118+deb13-amd64', atLoad: 'N' },
    { version: '7.1.12', kernel: '6.12.118+deb13-amd64', atLoad: 'Y', kvm: 'none' },
    { version: '7.2.10', kernel: '6.17.0-35-generic', atLoad: 'Y' },
    { version: '7.2.10', kernel: '6.12.118+deb13-amd64', atLoad: 'N' },
  ])('lives with KVM: $version on $kernel with $atLoad', async (situation) => {
    expect(await look(situation)).toEqual([{ state: 'ok', finding: situation.version }]);
  });

  test.each<Situation>([
    { version: '7.1.12', kernel: '6.12.118+deb13-amd64', atLoad: 'Y' },
    { version: '7.2.10', kernel: '6.12.118+deb13-amd64', atLoad: 'Y' },
  ])('is kept out by KVM: $version on $kernel', async (situation) => {
    const [, found] = await look(situation);
    expect(found?.state).toBe('warning');
    expect(found?.cure?.commands?.[0]).toContain('echo options kvm enable_virt_at_load=0 >');
  });

  test('wants the opposite from 7.2.10 on', async () => {
    const [, found] = await look({
      version: '7.2.10',
      kernel: '7.0.14',
      atLoad: 'N',
      kvm: 'kvm_amd',
    });
    expect(found?.finding).toContain('with which VirtualBox from 7.2.10 on starts no machine');
    expect(found?.cure?.commands?.at(-1)).toContain('modprobe -r kvm_amd kvm && modprobe kvm_amd');
  });

  test('needs its driver', async () => {
    const [, found] = await look({ version: '7.2.10', kernel: '6.1.0', driver: false });
    expect(found).toMatchObject({ state: 'warning', finding: expect.stringContaining('driver') });
  });

  test('may not even tell its version', async () => {
    await program('VBoxManage', 'exit 1');
    expect(states(await virtualBox().look(signal))).toEqual(['warning']);
  });
});
