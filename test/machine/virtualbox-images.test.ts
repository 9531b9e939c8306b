/**
 * VirtualBox reads the disk images that it has a reader for, and finds the disk in them; and its own import
 * reads whatever disk is in our OVA: its manifest is checked, the streamOptimized VMDK is unpacked while it streams
 * by, and the disk that the new machine gets is the one that was exported.
 */
import { mkdir, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { exportAppliance } from '../../src/appliance/export.ts';
import {
  EMPTY_DISK,
  LARGE_DISK,
  type TestDisk,
  testDisks,
  writeRaw,
} from '../../src/appliance/testing/disks.ts';
import { exportTiny } from '../../src/appliance/testing/fixtures.ts';
import { parseMachineReadable } from '../../src/hypervisors/virtualbox/machine-readable.ts';
import type { ExportFormat } from '../../src/manifest/export-formats.ts';
import { manifestSchema } from '../../src/manifest/schema.ts';
import { quietProgress } from '../../src/system/progress.ts';
import { run } from '../../src/system/run.ts';
import { TestVirtualBox, whyNoVirtualBox } from '../support/virtualbox/test-virtualbox.ts';

const MIB = 2 ** 20;
const GIB = 2 ** 30;
const SECTOR_BYTES = 512;
const GRAIN_BYTES = 65536;

const why = await whyNoVirtualBox();
let virtualbox: TestVirtualBox;

beforeAll(async () => {
  if (why === undefined) virtualbox = await TestVirtualBox.install();
});
beforeEach(({ skip }) => {
  if (why !== undefined) skip(why);
});
afterAll(() => virtualbox?.remove());

const KINDS: readonly (readonly [ExportFormat, string, RegExp])[] = [
  ['vmdk', 'tiny-1.0.vmdk', /^Storage format: +VMDK$/m],
  ['vmdk-sparse', 'tiny-1.0.sparse.vmdk', /^Storage format: +VMDK$/m],
  ['vdi', 'tiny-1.0.vdi', /^Storage format: +VDI$/m],
  ['vhd', 'tiny-1.0.vhd', /^Storage format: +VHD$/m],
  ['vhdx', 'tiny-1.0.vhdx', /^Storage format: +VHDX$/m],
];

describe.each([
  ['of 4 GiB and more', 4 * GIB + 64 * MIB],
  ['that ends within a block', 40 * MIB + 3 * 512],
])('a disk %s', (name, sizeBytes) => {
  let folder: string;
  let raw: string;

  beforeAll(async () => {
    if (why !== undefined) return;
    folder = join(virtualbox.folder, name.replaceAll(' ', '-'));
    await mkdir(folder);
    raw = join(folder, 'disk.raw');
    await writeDisk(raw, sizeBytes);
    await exportAppliance(
      {
        manifest: manifestSchema.parse({ name: 'tiny', version: '1.0' }),
        diskPath: raw,
        diskFormat: 'raw',
        outputFolder: folder,
        baseName: 'tiny-1.0',
        formats: KINDS.map(([format]) => format),
        sourceDateEpoch: 1_760_000_000,
      },
      quietProgress(),
    );
  });

  test.each(KINDS)('is in its %s', async (format, file, said) => {
    const path = join(folder, file);
    const clone = `${path}.raw`;
    // A stream has no UUID of VirtualBox's, so that it is opened once: it is there to be imported.
    if (format !== 'vmdk') {
      const { stdout } = await virtualbox.manage('showmediuminfo', 'disk', path);
      expect(stdout).toMatch(said);
      expect(stdout).not.toContain('inaccessible');
    }
    await virtualbox.manage('clonemedium', 'disk', path, clone, '--format', 'RAW');
    // What is behind the end, where a format rounds up, is zeros.
    await run(['qemu-img', 'compare', '-f', 'raw', '-F', 'raw', raw, clone]);
    await virtualbox.manage('closemedium', 'disk', clone, '--delete');
    await virtualbox.manage('closemedium', 'disk', path);
  });
});

async function writeDisk(path: string, sizeBytes: number): Promise<void> {
  const file = await open(path, 'w');
  try {
    await file.truncate(sizeBytes);
    await file.write(Buffer.alloc(300_000, 'begin '), 0, undefined, 0);
    await file.write(Buffer.alloc(2 * MIB, 'middle '), 0, undefined, 17 * MIB + 12_345);
    await file.write(Buffer.alloc(700, 'end '), 0, undefined, sizeBytes - 700);
  } finally {
    await file.close();
  }
}

const full = (sizeBytes: number): TestDisk => ({
  sizeBytes,
  areas: [{ at: 0, lengthBytes: sizeBytes, content: 'noise' }],
});

test.each<readonly [string, TestDisk]>([
  ['of one sector', full(SECTOR_BYTES)],
  ['full of noise, that ends within a grain', full(33 * MIB + 7 * SECTOR_BYTES)],
  ['of 4 GiB and more, nearly all holes', LARGE_DISK],
  ['of 100 GiB without data', EMPTY_DISK],
])('a disk %s is imported', (_name, disk) => imports(disk));

test('any disk is imported', async () => {
  await fc.assert(fc.asyncProperty(testDisks, imports), { numRuns: 12 });
});

async function imports(disk: TestDisk): Promise<void> {
  const folder = join(virtualbox.folder, 'disk');
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder);
  const raw = join(folder, 'disk.raw');
  await writeRaw(raw, disk);
  const [ova] = await exportTiny({ diskPath: raw, outputFolder: folder });
  await virtualbox.manage('import', ova?.path ?? '');
  try {
    const imported = await importedDisk();
    await run(['qemu-img', 'compare', '-f', 'raw', '-F', 'vmdk', raw, imported]);
    const { stdout } = await run(['qemu-img', 'info', '--output', 'json', '-f', 'vmdk', imported]);
    expect(JSON.parse(stdout)).toMatchObject({ 'virtual-size': inGrains(disk.sizeBytes) });
  } finally {
    await virtualbox.manage('unregistervm', 'tiny', '--delete');
  }
}

/** VirtualBox makes whole grains of it; what is behind the end is zeros. */
const inGrains = (sizeBytes: number) => Math.ceil(sizeBytes / GRAIN_BYTES) * GRAIN_BYTES;

async function importedDisk(): Promise<string> {
  const { stdout } = await virtualbox.manage('showvminfo', 'tiny', '--machinereadable');
  const values = [...parseMachineReadable(stdout).values()];
  const disk = values.find((value) => value.endsWith('.vmdk'));
  if (disk === undefined) throw new Error(`VirtualBox imported no disk:\n${stdout}`);
  return disk;
}
