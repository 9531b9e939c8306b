import { mkdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ExportFormat } from '../../manifest/export-formats.ts';
import { parseManifest } from '../../manifest/read.ts';
import type { Manifest } from '../../manifest/schema.ts';
import { run } from '../../system/run.ts';
import { exportTiny, makeDisk, makeManifest, temporaryFolder } from '../testing/fixtures.ts';
import { vagrantNotices } from './vagrant-notices.ts';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let disk: string;

beforeAll(async () => {
  folder = await temporaryFolder();
  disk = join(folder.path, 'disk.raw');
  await makeDisk(disk);
});
afterAll(() => folder[Symbol.asyncDispose]());

/** Exports a box, unpacks it and reads its catalogue. */
async function boxOf(format: ExportFormat, manifest: Manifest) {
  const outputFolder = join(folder.path, `${format}-${manifest.machine.memory}`);
  const request = { diskPath: disk, outputFolder, formats: [format], manifest };
  const [box, catalogue] = await exportTiny(request);
  const unpacked = join(outputFolder, 'unpacked');
  await mkdir(unpacked);
  await run(['tar', '-x', '-f', box?.path ?? '', '-C', unpacked]);
  const listed = await run(['tar', '--utc', '--full-time', '-tvf', box?.path ?? '']);
  return {
    box,
    unpacked,
    members: listed.stdout.split('\n').map((line) => line.replace(/ +\d+ 2/, ' N 2')),
    metadata: JSON.parse(await readFile(join(unpacked, 'metadata.json'), 'utf8')),
    vagrantfile: await readFile(join(unpacked, 'Vagrantfile'), 'utf8'),
    catalogue: JSON.parse(await readFile(catalogue?.path ?? '', 'utf8')),
  };
}

async function expectSameDisk(path: string, format: string): Promise<void> {
  const compare = ['qemu-img', 'compare', '-f', 'raw', '-F', format, disk, path];
  expect((await run(compare)).stdout).toContain('identical');
}

describe('the box for VirtualBox', () => {
  test('holds the package that VirtualBox imports, and what Vagrant asks for', async () => {
    const { box, unpacked, members, metadata, vagrantfile } = await boxOf(
      'vagrant-virtualbox',
      makeManifest(),
    );
    expect(box?.path).toMatch(/\/tiny-1\.0-vagrant-virtualbox\.box$/);
    expect(members).toEqual([
      '-rw-r--r-- 0/0 N 2025-10-09 08:53:20 metadata.json',
      '-rw-r--r-- 0/0 N 2025-10-09 08:53:20 Vagrantfile',
      '-rw-r--r-- 0/0 N 2025-10-09 08:53:20 box-disk1.vmdk',
      '-rw-r--r-- 0/0 N 2025-10-09 08:53:20 box.ovf',
    ]);
    expect(metadata).toEqual({ provider: 'virtualbox', architecture: 'amd64' });
    expect(vagrantfile).toContain('synced_folder ".", "/vagrant", disabled: true');
    await expectSameDisk(join(unpacked, 'box-disk1.vmdk'), 'vmdk');
    const descriptor = await readFile(join(unpacked, 'box.ovf'), 'utf8');
    const { size } = await stat(join(unpacked, 'box-disk1.vmdk'));
    expect(descriptor).toContain(`ovf:href="box-disk1.vmdk" ovf:id="file1" ovf:size="${size}"`);
  });

  test('has a catalogue with its version and its digest', async () => {
    const manifest = makeManifest({
      description: 'Says "hello"\nand more',
      machine: { memory: '2 GiB' },
    });
    const { box, catalogue } = await boxOf('vagrant-virtualbox', manifest);
    expect(catalogue).toEqual({
      name: 'tiny',
      description: 'Says "hello"\nand more',
      versions: [
        {
          version: '1.0',
          providers: [
            {
              name: 'virtualbox',
              url: 'tiny-1.0-vagrant-virtualbox.box',
              checksum_type: 'sha256',
              checksum: box?.sha256,
              architecture: 'amd64',
              default_architecture: true,
            },
          ],
        },
      ],
    });
    const { stdout } = await run(['sha256sum', box?.path ?? '']);
    expect(stdout).toContain(box?.sha256);
  });
});

describe('the box for libvirt', () => {
  test('holds a qcow2 under the name that the provider looks for, and what Vagrant asks for', async () => {
    const manifest = makeManifest({ machine: { memory: '3 GiB', cpus: 3 } });
    const { box, unpacked, members, metadata, vagrantfile, catalogue } = await boxOf(
      'vagrant-libvirt',
      manifest,
    );
    expect(box?.path).toMatch(/\/tiny-1\.0-vagrant-libvirt\.box$/);
    expect(members).toEqual([
      '-rw-r--r-- 0/0 N 2025-10-09 08:53:20 metadata.json',
      '-rw-r--r-- 0/0 N 2025-10-09 08:53:20 Vagrantfile',
      '-rw-r--r-- 0/0 N 2025-10-09 08:53:20 box.img',
    ]);
    // In whole gibibytes, and never less than the disk.
    expect(metadata).toEqual({
      provider: 'libvirt',
      architecture: 'amd64',
      format: 'qcow2',
      virtual_size: 1,
    });
    expect(vagrantfile).toContain('libvirt.cpus = 3\n    libvirt.memory = 3072\n');
    const image = join(unpacked, 'box.img');
    await expectSameDisk(image, 'qcow2');
    expect((await run(['qemu-img', 'check', '-f', 'qcow2', image])).stdout).toContain('No errors');
    expect(catalogue.versions[0].providers[0]).toMatchObject({
      name: 'libvirt',
      url: 'tiny-1.0-vagrant-libvirt.box',
      checksum: box?.sha256,
    });
  });
});

describe('what keeps vagrant up from getting into a box', () => {
  const key = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIN1YdxBpNlzxDqfJyw/QKow1F+wvG9hXGoqiysfJOn5Y x';
  const vagrant = { name: 'vagrant', sudo: 'passwordless', 'ssh-keys': [key] };
  const good = {
    exports: ['ova', 'vagrant-virtualbox'],
    packages: ['openssh-server', 'sudo'],
    users: [vagrant],
  };

  test('is nothing in a manifest that was made for it, nor without a box', async () => {
    expect(vagrantNotices(makeManifest(good))).toEqual([]);
    expect(vagrantNotices(makeManifest())).toEqual([]);
    const path = join(import.meta.dirname, '../../../examples/vagrant/appliance.yaml');
    expect(vagrantNotices(parseManifest(path, await readFile(path)).manifest)).toEqual([]);
  });

  test.each([
    [{ users: [] }, 'the manifest has no user "vagrant"'],
    [{ users: [{ name: 'ada' }] }, 'the manifest has no user "vagrant"'],
    [{ users: [{ ...vagrant, 'ssh-keys': [] }] }, "has none of Vagrant's insecure keys"],
    [{ users: [{ ...vagrant, sudo: 'none' }] }, 'the user "vagrant" has no passwordless sudo'],
    [{ packages: ['sudo'] }, 'the package openssh-server is not listed'],
    [{ machine: { network: 'none' } }, 'the machine has no network card'],
  ])('is told of %j', (changes, said) => {
    const notices = vagrantNotices(makeManifest({ ...good, ...changes }));
    expect(notices).toHaveLength(1);
    expect(notices[0]).toContain(`vagrant up will not get into the box: `);
    expect(notices[0]).toContain(said);
    expect(notices[0]).toContain('examples/vagrant');
  });
});
