/** Two disks that differ in ways that are known: `old/disk.raw` and `new/disk.raw` of a folder. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { makeSmallDisk, type Tree } from './small-disk.ts';

const STATUS = (packages: Readonly<Record<string, string>>) =>
  Object.entries(packages)
    .map(
      ([name, version]) =>
        `Package: ${name}\nStatus: install ok installed\nArchitecture: amd64\nVersion: ${version}\nInstalled-Size: 12\nDescription: one\n more\n`,
    )
    .join('\n');

const COMMON: Tree = {
  'etc/motd': 'Good morning\n',
  'etc/hosts': '127.0.0.1 localhost\n',
  'etc/localtime': '-> ../usr/share/zoneinfo/UTC',
  lib: '-> usr/lib',
  'usr/lib/libgood.so': Buffer.alloc(300_000, 'library '),
  'var/lib/dpkg/info/libgood.list': '/.\n/lib\n/lib/libgood.so\n',
  'etc/\u001b[31mred': 'hostile',
};

const OLD: Tree = {
  ...COMMON,
  'etc/old.conf': 'x',
  'var/lib/dpkg/status': STATUS({ libgood: '1.0', gone: '3', same: '1' }),
};

const NEW: Tree = {
  ...COMMON,
  'etc/motd': 'Good evening\n',
  'etc/localtime': '-> ../usr/share/zoneinfo/Europe/Vienna',
  'usr/lib/libgood.so': Buffer.alloc(300_000, 'Library '),
  'usr/bin/new': Buffer.alloc(5000, 'new'),
  'var/lib/dpkg/status': STATUS({ libgood: '1.1', fresh: '0~1', same: '1' }),
};

export async function makeTwoDisks(folder: string): Promise<void> {
  const at = (name: string) => join(folder, name);
  const same = ['sif etc/motd mtime 20250101000000', 'sif etc/hosts mtime 20250101000000'];
  await mkdir(at('old'));
  await makeSmallDisk({
    folder: at('old'),
    root: OLD,
    esp: { 'EFI/BOOT/BOOTX64.EFI': Buffer.alloc(9000, 'a'), 'EFI/debian/A long name.cfg': 'x' },
    edits: same,
  });
  await mkdir(at('new'));
  await makeSmallDisk({
    folder: at('new'),
    root: NEW,
    esp: { 'EFI/BOOT/BOOTX64.EFI': Buffer.alloc(9000, 'b'), 'EFI/debian/A long name.cfg': 'x' },
    edits: [
      ...same,
      'sif etc/hosts mode 0100600',
      'sif etc/hosts uid 12',
      'ea_set etc/hosts user.a b',
    ],
    diskGuid: '99999999-9999-8999-8999-999999999999',
  });
}
