import { randomBytes } from 'node:crypto';
import { open, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { manifestSchema } from '../../manifest/schema.ts';
import { run } from '../../system/run.ts';
import { installationOf, rehearse } from '../testing/rehearsal.ts';
import { temporaryFolder } from '../testing/temporary-folder.ts';
import { patchBiosImages, writeBiosBoot, writeEsp } from './grub.ts';
import { partitionTable, readPartitions } from './partition.ts';

const MIB = 2 ** 20;
const manifest = installationOf(manifestSchema.parse({ name: 'tiny', version: '1.0' }));

describe('patchBiosImages', () => {
  test('changes in boot.img where the core is and the check of the drive, and nothing else', () => {
    const boot = Buffer.alloc(512, 0xee);
    patchBiosImages({ boot, core: Buffer.alloc(2048), firstSector: 0x0102030405 });
    const expected = Buffer.alloc(512, 0xee);
    expected.set([0x05, 0x04, 0x03, 0x02, 0x01, 0, 0, 0], 0x5c);
    expected.set([0x90, 0x90], 0x66);
    expect(boot).toEqual(expected);
  });

  test('changes in core.img where its rest is and how many sectors, and nothing else', () => {
    const core = Buffer.alloc(300 * 512 + 1, 0xee);
    expect(patchBiosImages({ boot: Buffer.alloc(512), core, firstSector: 2048 })).toBe(301);
    const expected = Buffer.alloc(300 * 512 + 1, 0xee);
    expected.set([0x01, 0x08, 0, 0, 0, 0, 0, 0, 300 & 0xff, 300 >> 8], 0x1f4);
    expect(core.equals(expected)).toBe(true);
  });
});

/** A partitioned disk of 128 MiB, and images of GRUB's sizes beside it. */
async function prepared(folder: string, coreBytes: number) {
  const disk = join(folder, 'disk.raw');
  await writeFile(disk, '');
  await truncate(disk, 128 * MIB);
  const { context } = rehearse({ folder, manifest });
  const input = partitionTable(manifest.identifiers);
  await context.run(['sfdisk', '--no-reread', '--no-tell-kernel', '--quiet', disk], { input });
  context.workspace.disk = disk;
  context.workspace.partitions = await readPartitions(context, disk);
  const images = { boot: randomBytes(512), core: randomBytes(coreBytes) };
  await writeFile(join(folder, 'boot.img'), images.boot);
  await writeFile(join(folder, 'core.img'), images.core);
  return { context, disk, ...images };
}

async function readAt(path: string, position: number, bytes: number): Promise<Buffer> {
  const file = await open(path);
  try {
    const { buffer } = await file.read(Buffer.alloc(bytes), 0, bytes, position);
    return buffer;
  } finally {
    await file.close();
  }
}

describe('writeBiosBoot', () => {
  test('writes the code and leaves the partition table alone', async () => {
    await using folder = await temporaryFolder();
    const { context, disk, boot, core } = await prepared(folder.path, 30_001);
    const table = ['sfdisk', '--json', disk];
    const { stdout: before } = await run(table);
    await writeBiosBoot(context, folder.path);
    expect((await run(table)).stdout).toBe(before);
    patchBiosImages({ boot, core, firstSector: 2048 });
    expect(await readAt(disk, 0, 440)).toEqual(boot.subarray(0, 440));
    expect((await readAt(disk, MIB, core.length)).equals(core)).toBe(true);
    expect(await readAt(disk, MIB + core.length, 512)).toEqual(Buffer.alloc(512));
  });

  test('takes a core that just fits, and refuses one that is a byte larger', async () => {
    await using folder = await temporaryFolder();
    const { context, disk } = await prepared(folder.path, MIB);
    await writeBiosBoot(context, folder.path);
    expect((await readAt(disk, 2 * MIB, 512)).every((byte) => byte === 0)).toBe(true);

    await using other = await temporaryFolder();
    const large = await prepared(other.path, MIB + 1);
    const before = await readAt(large.disk, 0, 2 * MIB);
    await expect(writeBiosBoot(large.context, other.path)).rejects.toMatchObject({
      code: 'boot-loader-too-large',
      message: `GRUB’s core image has ${MIB + 1} bytes and does not fit into the BIOS boot partition`,
    });
    expect((await readAt(large.disk, 0, 2 * MIB)).equals(before)).toBe(true);
  });
});

describe('writeEsp', () => {
  async function writtenEsp(folder: string): Promise<string> {
    const { context } = rehearse({ folder, manifest });
    const esp = join(folder, 'esp.img');
    await writeFile(esp, '');
    await truncate(esp, 64 * MIB);
    await writeFile(join(folder, 'bootx64.efi'), 'MZ, the program');
    context.workspace.partitions = { ...context.workspace.partitions, esp };
    await writeEsp(context, folder);
    return esp;
  }

  test('makes the FAT that fstab names, with GRUB where every UEFI looks', async () => {
    await using folder = await temporaryFolder();
    const esp = await writtenEsp(folder.path);
    const { stdout } = await run(['blkid', '--probe', '--output', 'export', esp]);
    expect(stdout.split('\n')).toEqual(
      expect.arrayContaining(['TYPE=vfat', 'VERSION=FAT32', 'UUID=12AB-34CD', 'LABEL=ESP']),
    );
    const read = await run(['mtype', `-i${esp}`, '::/EFI/BOOT/BOOTX64.EFI']);
    expect(read.stdout).toBe('MZ, the program');
  });

  test('writes the time of the manifest, not of the day', async () => {
    await using folder = await temporaryFolder();
    const esp = await writtenEsp(folder.path);
    const { stdout } = await run(['mdir', `-i${esp}`, '-/', '::/'], { env: { TZ: 'UTC' } });
    const dated = stdout.split('\n').filter((line) => /\d{4}-\d{2}-\d{2}/.test(line));
    expect(dated.length).toBeGreaterThanOrEqual(3);
    for (const line of dated) expect(line).toContain('2026-01-02   3:04');
  });

  test('twice, at different times, the same bytes', async () => {
    await using folder = await temporaryFolder();
    const first = await readFile(await writtenEsp(folder.path));
    // FAT counts in steps of two seconds.
    await new Promise((resolve) => setTimeout(resolve, 2001));
    await using other = await temporaryFolder();
    expect((await readFile(await writtenEsp(other.path))).equals(first)).toBe(true);
  });
});
