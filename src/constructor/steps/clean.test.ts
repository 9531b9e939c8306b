import { lstat, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { manifestSchema } from '../../manifest/schema.ts';
import { run } from '../../system/run.ts';
import { installationOf, rehearse } from '../testing/rehearsal.ts';
import { temporaryFolder } from '../testing/temporary-folder.ts';
import { clean } from './clean.ts';

const manifest = installationOf(manifestSchema.parse({ name: 'tiny', version: '1.0' }));

async function plant(root: string, paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), 'something');
  }
}

/** The tree's files, with the size of each. */
async function filesOf(root: string): Promise<string[]> {
  const { stdout } = await run(['find', root, '-type', 'f', '-printf', '%P %s\n']);
  return stdout.split('\n').sort();
}

test('identity, keys, seeds, logs and caches go; everything else stays as it was', async () => {
  await using folder = await temporaryFolder();
  const root = join(folder.path, 'root');
  const gone = [
    'usr/sbin/policy-rc.d',
    'etc/dpkg/dpkg.cfg.d/pvmc-construction',
    'etc/ssh/ssh_host_ed25519_key',
    'etc/ssh/ssh_host_ed25519_key.pub',
    'etc/shadow-',
    'etc/.pwd.lock',
    'var/lib/systemd/random-seed',
    'var/lib/dbus/machine-id',
    'var/lib/dhcp/dhclient.eth0.leases',
    'var/lib/apt/lists/deb.debian.org_dists_trixie_InRelease',
    'var/lib/apt/lists/partial/half',
    'var/cache/apt/pkgcache.bin',
    'var/cache/apt/archives/one.deb',
    'var/cache/debconf/config.dat-old',
    'var/cache/ldconfig/aux-cache',
    'var/lib/dpkg/status-old',
    'var/lib/dpkg/lock-frontend',
    'root/.bash_history',
  ];
  const kept = [
    'etc/ssh/sshd_config',
    'etc/shadow',
    'var/cache/debconf/config.dat',
    'var/lib/dpkg/status',
    'root/.bashrc',
  ];
  await plant(root, [...gone, ...kept, 'etc/machine-id', 'var/log/apt/term.log', 'var/log/wtmp']);
  const before = await stat(join(root, 'var/log/wtmp'));

  await clean.run(rehearse({ folder: folder.path, manifest }).context);

  expect(await filesOf(root)).toEqual(
    [
      'etc/machine-id 0',
      'var/log/apt/term.log 0',
      'var/log/wtmp 0',
      ...kept.map((path) => `${path} 9`),
    ].sort(),
  );
  const after = await stat(join(root, 'var/log/wtmp'));
  expect([after.ino, after.uid, after.mode]).toEqual([before.ino, before.uid, before.mode]);
});

test('a link among the logs is neither followed nor removed', async () => {
  await using folder = await temporaryFolder();
  const root = join(folder.path, 'root');
  await plant(root, ['etc/machine-id', 'var/log/one', 'usr/share/outside/readme']);
  await run(['ln', '-s', '../../usr/share/outside', join(root, 'var/log/README')]);
  await clean.run(rehearse({ folder: folder.path, manifest }).context);
  expect(await readFile(join(root, 'usr/share/outside/readme'), 'utf8')).toBe('something');
  expect((await lstat(join(root, 'var/log/README'))).isSymbolicLink()).toBe(true);
});

test('each copy makes its own host keys, where there is an SSH server', async () => {
  await using folder = await temporaryFolder();
  const root = join(folder.path, 'root');
  const unit = 'usr/lib/systemd/system/sshd-keygen.service';
  await plant(root, [unit, 'etc/machine-id', 'var/log/one']);
  await clean.run(rehearse({ folder: folder.path, manifest }).context);
  const settings = join(root, 'etc/systemd/system/sshd-keygen.service.d/missing-keys.conf');
  expect((await readFile(settings, 'utf8')).split('\n')).toEqual([
    '[Unit]',
    'ConditionFirstBoot=',
    'ConditionPathIsReadWrite=/etc/ssh',
    'ConditionPathExistsGlob=!/etc/ssh/ssh_host_*_key',
    '',
  ]);
});

test('an appliance without an SSH server gets no unit for one', async () => {
  await using folder = await temporaryFolder();
  const root = join(folder.path, 'root');
  await plant(root, ['etc/machine-id', 'var/log/one']);
  await clean.run(rehearse({ folder: folder.path, manifest }).context);
  expect(await filesOf(root)).toEqual(['etc/machine-id 0', 'var/log/one 0']);
});
