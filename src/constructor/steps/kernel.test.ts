import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { manifestSchema } from '../../manifest/schema.ts';
import { PvmcError } from '../../system/error.ts';
import { run } from '../../system/run.ts';
import { installationOf, rehearse } from '../testing/rehearsal.ts';
import { temporaryFolder } from '../testing/temporary-folder.ts';
import { INITRAMFS_FILES, kernelVersions } from './kernel.ts';

const HOOK = 'etc/initramfs-tools/hooks/appliance-drivers';
const SETTINGS = 'etc/initramfs-tools/conf.d/appliance';
const manifest = installationOf(manifestSchema.parse({ name: 'tiny', version: '1.0' }));

describe('the initramfs settings', () => {
  test('the hook names what has to come before it, as mkinitramfs asks first', async () => {
    await using folder = await temporaryFolder();
    const hook = join(folder.path, 'hook');
    await writeFile(hook, INITRAMFS_FILES[HOOK] ?? '');
    expect((await run(['sh', hook, 'prereqs'])).stdout).toBe('udev');
  });

  test('the hook adds drivers for each hypervisor, and leaves the device names out', async () => {
    await using folder = await temporaryFolder();
    const { path } = folder;
    // What mkinitramfs gives a hook: its functions, and the tree that is packed.
    await writeFile(join(path, 'functions'), 'manual_add_modules() { printf "%s\\n" "$@"; }\n');
    const hook = (INITRAMFS_FILES[HOOK] ?? '').replace(
      '/usr/share/initramfs-tools/hook-functions',
      join(path, 'functions'),
    );
    await writeFile(join(path, 'hook'), hook);
    const names = join(path, 'usr/lib/udev');
    await mkdir(names, { recursive: true });
    await writeFile(join(names, 'hwdb.bin'), 'names');
    const { stdout } = await run(['sh', '-e', join(path, 'hook')], { env: { DESTDIR: path } });
    expect(stdout.split('\n')).toEqual(
      expect.arrayContaining([
        'ext4',
        '=drivers/ata',
        '=drivers/message/fusion',
        'vmw_pvscsi',
        'virtio_blk',
        'virtio_scsi',
        'hv_storvsc',
        '=drivers/nvme',
        'megaraid_sas',
        'usbhid',
      ]),
    );
    expect((await run(['ls', names])).stdout).toBe('');
  });

  test('the settings are read by a shell', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'settings');
    await writeFile(path, INITRAMFS_FILES[SETTINGS] ?? '');
    const { stdout } = await run(['sh', '-c', `. ${path}; echo $MODULES $COMPRESS $FSTYPE`]);
    expect(stdout).toBe('list zstd ext4');
  });
});

describe('kernelVersions', () => {
  test('sorts by number, the newest last', async () => {
    await using folder = await temporaryFolder();
    const boot = join(folder.path, 'root/boot');
    await mkdir(boot, { recursive: true });
    const names = ['vmlinuz-6.12.41-amd64', 'vmlinuz-6.12.9-amd64', 'config-6.12.41-amd64'];
    for (const name of names) await writeFile(join(boot, name), '');
    const { context } = rehearse({ folder: folder.path, manifest });
    expect(await kernelVersions(context)).toEqual(['6.12.9-amd64', '6.12.41-amd64']);
  });

  test('a tree without a kernel cannot boot', async () => {
    await using folder = await temporaryFolder();
    await mkdir(join(folder.path, 'root/boot'), { recursive: true });
    const { context } = rehearse({ folder: folder.path, manifest });
    const failure = await kernelVersions(context).catch((thrown: unknown) => thrown);
    expect(failure).toBeInstanceOf(PvmcError);
    expect(failure).toMatchObject({ kind: 'construct', code: 'no-kernel' });
  });
});
