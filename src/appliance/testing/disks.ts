/** Disks for the tests of image formats: described by what they hold, as raw files and as pieces. */
import { createCipheriv } from 'node:crypto';
import { open } from 'node:fs/promises';
import { deflateRawSync, deflateSync } from 'node:zlib';
import * as fc from 'fast-check';
import { type DiskPiece, type DiskShape, PIECE_BYTES } from '../disk-pieces.ts';
import { withFile } from './fixtures.ts';

const MIB = 2 ** 20;
const GIB = 2 ** 30;
const GRAIN_BYTES = 65536;
const SECTOR_BYTES = 512;

export interface Area {
  /** In bytes; what goes beyond the disk is cut off. */
  readonly at: number;
  readonly lengthBytes: number;
  readonly content: 'zeros' | 'text' | 'noise';
}

export interface TestDisk {
  readonly sizeBytes: number;
  readonly areas: readonly Area[];
}

/** Whatever a disk may be: tiny, full, of odd sizes, sparse, larger than 4 GiB. */
export const testDisks: fc.Arbitrary<TestDisk> = fc
  .oneof(
    { weight: 2, arbitrary: disks({ mostSectors: 300, mostLength: 200_000 }) },
    { weight: 2, arbitrary: disks({ mostSectors: 12_000, mostLength: 6 * MIB }) },
    { weight: 3, arbitrary: disks({ mostSectors: 150_000, mostLength: 400_000 }) },
    { weight: 3, arbitrary: disks({ mostSectors: (9 * GIB) / SECTOR_BYTES, mostLength: 300_000 }) },
  )
  .map(({ sizeBytes, areas }) => ({
    sizeBytes,
    areas: areas.map((area) => ({ ...area, at: area.at % sizeBytes })),
  }));

function disks({ mostSectors, mostLength }: { mostSectors: number; mostLength: number }) {
  return fc.record({
    sizeBytes: fc.integer({ min: 1, max: mostSectors }).map((sectors) => sectors * SECTOR_BYTES),
    areas: fc.array(
      fc.record({
        at: fc.oneof(
          fc.nat({ max: mostSectors * SECTOR_BYTES }),
          fc.nat({ max: Math.ceil(mostSectors / 2048) }).map((mebibyte) => mebibyte * MIB),
        ),
        lengthBytes: fc.integer({ min: 1, max: mostLength }),
        content: fc.constantFrom('zeros' as const, 'text' as const, 'noise' as const),
      }),
      { maxLength: 5 },
    ),
  });
}

export const EMPTY_DISK: TestDisk = { sizeBytes: 100 * GIB, areas: [] };

/** Ends with neither 64 KiB nor 1 MiB, has data at both ends, and beyond 4 GiB. */
export const LARGE_DISK: TestDisk = {
  sizeBytes: 4 * GIB + 300 * MIB + 37 * SECTOR_BYTES,
  areas: [
    { at: 0, lengthBytes: 70_000, content: 'text' },
    { at: 3 * MIB + 100, lengthBytes: 3 * MIB, content: 'noise' },
    { at: 40 * MIB, lengthBytes: 2 * MIB, content: 'zeros' },
    { at: 4 * GIB + 5 * MIB, lengthBytes: 2 * MIB + 5, content: 'text' },
    { at: 4 * GIB + 300 * MIB + 36 * SECTOR_BYTES, lengthBytes: 512, content: 'noise' },
  ],
};

/** The disk as a sparse file. */
export async function writeRaw(path: string, disk: TestDisk): Promise<void> {
  await withFile(path, async (file) => {
    await file.truncate(disk.sizeBytes);
    for (const area of disk.areas) {
      const bytes = contentOf(area, disk);
      await file.write(bytes, 0, bytes.length, area.at);
    }
  });
}

/** The pieces of a raw file that the disk was written to, as the export would make them. */
export function piecesOf(path: string, disk: TestDisk, form: 'plain' | 'deflated'): DiskShape {
  return { sizeBytes: disk.sizeBytes, pieces: readPieces(path, disk, form) };
}

async function* readPieces(
  path: string,
  disk: TestDisk,
  form: 'plain' | 'deflated',
): AsyncGenerator<DiskPiece> {
  const touched = new Set<number>();
  for (const { at, lengthBytes } of disk.areas) {
    const end = Math.min(at + lengthBytes, disk.sizeBytes);
    for (let index = Math.floor(at / PIECE_BYTES); index * PIECE_BYTES < end; index += 1) {
      touched.add(index);
    }
  }
  const bytes = Buffer.alloc(PIECE_BYTES);
  const file = await open(path, 'r');
  try {
    for (const index of [...touched].sort((one, other) => one - other)) {
      bytes.fill(0);
      await file.read(bytes, 0, PIECE_BYTES, index * PIECE_BYTES);
      const piece = pieceOf(index * PIECE_BYTES, bytes, form);
      if (piece.isZero.includes(false)) yield piece;
      // As it will be with others: nobody may use what was handed out before.
      bytes.fill(0xdd);
    }
  } finally {
    await file.close();
  }
}

function pieceOf(start: number, bytes: Buffer, form: 'plain' | 'deflated'): DiskPiece {
  const zeros = Buffer.alloc(GRAIN_BYTES);
  const grains = Array.from({ length: PIECE_BYTES / GRAIN_BYTES }, (_, index) =>
    bytes.subarray(index * GRAIN_BYTES, (index + 1) * GRAIN_BYTES),
  );
  const isZero = grains.map((grain) => grain.equals(zeros));
  if (form === 'plain') return { start, bytes, isZero, deflated: [], deflatedSmall: [] };
  const packed = (pack: (grain: Buffer) => Buffer) =>
    grains.map((grain, index) => (isZero[index] === true ? Buffer.alloc(0) : pack(grain)));
  return {
    start,
    bytes,
    isZero,
    deflated: packed((grain) => deflateSync(grain, { level: 1 })),
    deflatedSmall: packed((grain) => deflateRawSync(grain, { windowBits: 12, level: 1 })),
  };
}

function contentOf({ at, lengthBytes, content }: Area, disk: TestDisk): Buffer {
  const length = Math.min(lengthBytes, disk.sizeBytes - at);
  if (content === 'zeros') return Buffer.alloc(length);
  if (content === 'text') return Buffer.alloc(length, `what stands at ${at} `);
  // The same on every run, so that a failure can be repeated.
  const cipher = createCipheriv('aes-128-ctr', Buffer.alloc(16), Buffer.alloc(16, `${at}`));
  return cipher.update(Buffer.alloc(length));
}
