/**
 * VirtualBox's own import reads whatever disk is in our OVA: its manifest is checked, the streamOptimized
 * VMDK is unpacked while it streams by, and the disk that the new machine gets is the one that was exported.
 */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import {
  EMPTY_DISK,
  LARGE_DISK,
  type TestDisk,
  testDisks,
  writeRaw,
} from '../../src/appliance/testing/disks.ts';
import { exportTiny } from '../../src/appliance/testing/fixtures.ts';
import { parseMachineReadable } from '../../src/hypervisors/virtualbox/machine-readable.ts';
import { run } from '../../src/system/run.ts';
import { TestVirtualBox, whyNoVirtualBox } from '../support/virtualbox/test-virtualbox.ts';

const MIB = 2 ** 20;
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
