import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { codeOf, exportTiny, temporaryFolder } from '../appliance/testing/fixtures.ts';
import { quietProgress } from '../system/progress.ts';
import { readSpaceUse } from './space.ts';
import { makeTwoDisks } from './testing/two-disks.ts';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
const at = (...names: string[]) => join(folder.path, ...names);

beforeAll(async () => {
  folder = await temporaryFolder();
  await makeTwoDisks(folder.path);
});
afterAll(() => folder[Symbol.asyncDispose]());

test('tells what packages and folders take, the largest first, without mounting', async () => {
  const use = await readSpaceUse(at('new', 'disk.raw'), quietProgress());
  expect(use.packages[0]?.name).toBe('libgood');
  expect(use.packages[0]?.bytes).toBeGreaterThanOrEqual(300_000);
  expect(use.folders[0]?.name).toBe('/usr/lib');
  // Nearly all of it is in /usr/lib.
  expect(use.folders.map(({ name }) => name)).not.toContain('/usr');
  expect(use.unownedBytes).toBeGreaterThan(5000);
  const owned = use.packages.reduce((sum, { bytes }) => sum + bytes, 0);
  // The rest is on the EFI partition.
  expect(use.usedBytes).toBeGreaterThan(owned + use.unownedBytes);
});

test('tells the same of an OVA with that disk', async () => {
  await mkdir(at('ova'));
  const [ova] = await exportTiny({ diskPath: at('new', 'disk.raw'), outputFolder: at('ova') });
  const path = ova?.path ?? '';
  const disk = await readSpaceUse(at('new', 'disk.raw'), quietProgress());
  expect(await readSpaceUse(path, quietProgress())).toEqual({ ...disk, path });
});

test('refuses what is no appliance, and ends when it is told to', async () => {
  expect(await codeOf(readSpaceUse(at('nothing.raw'), quietProgress()))).toBe('file-missing');
  const controller = new AbortController();
  controller.abort(new Error('enough'));
  const work = readSpaceUse(at('new', 'disk.raw'), quietProgress(controller.signal));
  await expect(work).rejects.toThrow('enough');
});
