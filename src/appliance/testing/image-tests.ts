/** What holds for every image format: qemu-img reads the disk back, the bits are the same, holes cost nothing. */
import { type FileHandle, open, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { run } from '../../system/run.ts';
import type { DiskShape } from '../disk-pieces.ts';
import { EMPTY_DISK, LARGE_DISK, piecesOf, type TestDisk, testDisks, writeRaw } from './disks.ts';
import { temporaryFolder, withFile } from './fixtures.ts';

const MIB = 2 ** 20;
const GIB = 2 ** 30;

export type FileToCheck = FileHandle;

export interface ImageFormat {
  readonly write: (file: FileHandle, disk: DiskShape) => Promise<void>;
  /** Checks the structure, strictly, with the eyes of those who will read it. */
  readonly check: (file: FileHandle, disk: TestDisk, path: string) => Promise<void>;
  /** Compares the image with the raw disk; qemu-img does, unless told. */
  readonly compare?: (raw: string, image: string, disk: TestDisk) => Promise<void>;
  /** Larger disks than this are looked at where they have data. */
  readonly mostCompared?: number;
  /** What the format wants beside the bytes of a piece. */
  readonly form: 'plain' | 'deflated';
  /** What qemu-img calls it. */
  readonly qemuName: string;
  /** What the image of an empty disk of 100 GiB may take of the host's disk. */
  readonly mostEmptyBytes: number;
}

export function describeImage(name: string, format: ImageFormat): void {
  describe(name, () => {
    it('holds every disk: read back it is the same, written again the same bits', async () => {
      await using folder = await temporaryFolder();
      const property = fc.asyncProperty(testDisks, async (disk) => {
        await check(folder.path, disk, format);
      });
      await fc.assert(property, { numRuns: 7 });
    });

    it('holds a disk beyond 4 GiB that ends within everything', async () => {
      await using folder = await temporaryFolder();
      await check(folder.path, LARGE_DISK, format);
    });

    it('takes next to nothing for 100 GiB of zeros', async () => {
      await using folder = await temporaryFolder();
      const image = await check(folder.path, EMPTY_DISK, format);
      expect((await stat(image)).blocks * 512).toBeLessThan(format.mostEmptyBytes);
    });
  });
}

/** Returns the image's path. */
async function check(folder: string, disk: TestDisk, format: ImageFormat): Promise<string> {
  const raw = join(folder, 'disk.raw');
  const image = join(folder, 'image');
  const again = join(folder, 'again');
  for (const path of [raw, image, again]) await rm(path, { force: true });
  await writeRaw(raw, disk);
  for (const path of [image, again]) {
    await withFile(path, (file) => format.write(file, piecesOf(raw, disk, format.form)));
  }
  await expectSameFile(image, again);
  const compare = format.compare ?? ((_raw, path) => compareDisk(raw, path, { disk, format }));
  await compare(raw, image, disk);
  const file = await open(image, 'r');
  try {
    await format.check(file, disk, image);
  } finally {
    await file.close();
  }
  return image;
}

/** Those that have large holes are compared as sparse files. */
async function expectSameFile(one: string, other: string): Promise<void> {
  const { size } = await stat(one);
  expect((await stat(other)).size).toBe(size);
  if (size < 32 * MIB) expect((await readFile(one)).equals(await readFile(other))).toBe(true);
  else await run(['qemu-img', 'compare', '-f', 'raw', '-F', 'raw', one, other]);
}

interface Compared {
  readonly disk: TestDisk;
  readonly format: Pick<ImageFormat, 'qemuName' | 'mostCompared'>;
}

/** What qemu-img reads of the image is what is in the raw file. */
export async function compareDisk(
  raw: string,
  image: string,
  { disk, format }: Compared,
): Promise<void> {
  const { qemuName, mostCompared = 16 * GIB } = format;
  if (disk.sizeBytes <= mostCompared) {
    await run(['qemu-img', 'compare', '-f', 'raw', '-F', qemuName, raw, image]);
    return;
  }
  for (const { at, lengthBytes } of disk.areas) {
    const from = Math.max(0, Math.floor(at / MIB) - 1) * MIB;
    const end = Math.min(Math.ceil((at + lengthBytes) / MIB + 1) * MIB, disk.sizeBytes);
    const range = `driver=raw,offset=${from},size=${end - from}`;
    const ranges = [
      `${range},file.driver=file,file.filename=${raw}`,
      `${range},file.driver=${qemuName},file.file.driver=file,file.file.filename=${image}`,
    ];
    await run(['qemu-img', 'compare', '--image-opts', ...ranges]);
  }
}

export async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(length);
  const { bytesRead } = await file.read(bytes, 0, length, position);
  expect(bytesRead).toBe(length);
  return bytes;
}
