/** The disk byte for byte, in a file that has holes where the disk has zeros. */
import type { FileHandle } from 'node:fs/promises';
import { type DiskPiece, type DiskShape, PIECE_GRAIN_BYTES } from '../disk-pieces.ts';
import type { SparseDigest } from '../sparse-digest.ts';
import { writeWhole } from '../write-whole.ts';
import { hashedFile } from './single-file.ts';

export const raw = hashedFile({
  ending: '.raw',
  details: 'the disk byte for byte, empty ranges left out',
  room: 'plain',
  proof: { qemuFormat: 'raw' },
  write: (file, { disk, digest }) => writeRaw(file, disk, digest),
});

/** Writes the disk into an empty file. */
async function writeRaw(file: FileHandle, disk: DiskShape, digest: SparseDigest): Promise<void> {
  for await (const piece of disk.pieces) {
    for (const { from, to } of runsOf(piece)) {
      const bytes = piece.bytes.subarray(from, Math.min(to, disk.sizeBytes - piece.start));
      await writeWhole(file, bytes, piece.start + from);
      await digest.add(bytes, piece.start + from);
    }
  }
  await file.truncate(disk.sizeBytes);
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
