import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type Progress, quietProgress } from '../system/progress.ts';
import { dataBeyond } from './disk-data.ts';
import { exportTiny, temporaryFolder } from './testing/fixtures.ts';

const MIB = 2 ** 20;
const GRAIN = 2 ** 16;

/** Three grains of data, and a mebibyte of zeros that are written down. */
async function makeImage(folder: string) {
  const path = join(folder, 'disk.raw');
  await using file = await open(path, 'w');
  await file.truncate(64 * MIB);
  await file.write(Buffer.alloc(GRAIN + 1, 'x'), 0, undefined, 5 * MIB);
  await file.write(Buffer.alloc(MIB), 0, undefined, 20 * MIB);
  await file.write('end', 64 * MIB - 3);
  return { path, format: 'raw' } as const;
}

/** Tells whether anything was read. */
function watching(): { readonly progress: Progress; readonly wasRead: () => boolean } {
  let read = false;
  const progress: Progress = {
    ...quietProgress(),
    amount: () => {
      read = true;
    },
  };
  return { progress, wasRead: () => read };
}

test('tells what a disk holds beyond a limit, and counts no zeros', async () => {
  await using folder = await temporaryFolder();
  const image = await makeImage(folder.path);
  expect(await dataBeyond(image, 3 * GRAIN, quietProgress())).toBeUndefined();
  expect(await dataBeyond(image, 3 * GRAIN - 1, quietProgress())).toBe(3 * GRAIN);
});

test('counts as the export does', async () => {
  await using folder = await temporaryFolder();
  const image = await makeImage(folder.path);
  let counted = 0;
  const accept = async ({ dataBytes }: { readonly dataBytes: number }) => {
    counted = dataBytes;
  };
  await exportTiny({ diskPath: image.path, outputFolder: join(folder.path, 'out'), accept });
  expect(await dataBeyond(image, 0, quietProgress())).toBe(counted);
});

test('reads only a disk whose file takes more than the limit', async () => {
  await using folder = await temporaryFolder();
  const image = await makeImage(folder.path);
  const [small, large] = [watching(), watching()];
  expect(await dataBeyond(image, 2 * MIB, small.progress)).toBeUndefined();
  expect(small.wasRead()).toBe(false);
  expect(await dataBeyond(image, MIB, large.progress)).toBeUndefined();
  expect(large.wasRead()).toBe(true);
});

test('ends when it is told to', async () => {
  await using folder = await temporaryFolder();
  const image = await makeImage(folder.path);
  const controller = new AbortController();
  controller.abort(new Error('enough'));
  await expect(dataBeyond(image, 0, quietProgress(controller.signal))).rejects.toThrow('enough');
});
