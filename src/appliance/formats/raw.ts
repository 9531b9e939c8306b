/** The disk byte for byte, in a file that has holes where the disk has zeros. */
import type { FileHandle } from 'node:fs/promises';
import { type DiskPiece, type DiskShape, PIECE_GRAIN_BYTES } from '../disk-pieces.ts';
import { SparseDigest } from '../sparse-digest.ts';
import { writeWhole } from '../write-whole.ts';
import type { Format } from './format.ts';

const fileName = (baseName: string) => `${baseName}.raw`;

export const raw: Format = {
  forms: [],
  fileNames: (baseName) => [fileName(baseName)],
  details: ['the disk byte for byte, empty ranges left out'],
  room: 'plain',
  proof: { type: 'disk', fileName, qemuFormat: 'raw' },
  write: async ({ baseName, disk, output, progress }) => {
    await output.file(fileName(baseName), (file) => writeRaw(file, disk, progress.signal));
  },
};

/** Writes the disk into an empty file; returns its SHA-256. */
async function writeRaw(file: FileHandle, disk: DiskShape, signal: AbortSignal): Promise<string> {
  const digest = new SparseDigest(signal);
  for await (const piece of disk.pieces) {
    for (const { from, to } of runsOf(piece)) {
      const bytes = piece.bytes.subarray(from, Math.min(to, disk.sizeBytes - piece.start));
      await writeWhole(file, bytes, piece.start + from);
      await digest.add(bytes, piece.start + from);
    }
  }
  await file.truncate(disk.sizeBytes);
  return digest.finish(disk.sizeBytes);
}

interface Run {
  /** Within the piece. */
  readonly from: number;
  readonly to: number;
}

/** Where a piece's grains are not all zeros; neighbours are one run. */
export function runsOf({ isZero }: Pick<DiskPiece, 'isZero'>): readonly Run[] {
  const runs: Run[] = [];
  for (const [index, zero] of isZero.entries()) {
    if (zero) continue;
    const from = index * PIECE_GRAIN_BYTES;
    const to = from + PIECE_GRAIN_BYTES;
    const last = runs.at(-1);
    if (last?.to === from) runs[runs.length - 1] = { from: last.from, to };
    else runs.push({ from, to });
  }
  return runs;
}
