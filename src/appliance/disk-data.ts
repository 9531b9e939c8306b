/** How much of a disk is not zeros: known before anything is written, or compressed. */
import { open } from 'node:fs/promises';
import type { Progress } from '../system/progress.ts';
import { type DiskImage, type DiskMap, mapDisk } from './disk-extents.ts';
import { type DiskPiece, diskPieces, PIECE_GRAIN_BYTES } from './disk-pieces.ts';

/** In whole grains of 64 KiB: the same wherever the disk is stored. */
export function dataBytesOf({ isZero }: Pick<DiskPiece, 'isZero'>): number {
  return isZero.filter((zero) => !zero).length * PIECE_GRAIN_BYTES;
}

/**
 * What the disk holds, where that is more than the limit; undefined where it is not. A disk whose file takes
 * no more than that is not read.
 * @throws PvmcError `disk-empty`, `disk-unreadable`; the signal's reason
 */
export async function dataBeyond(
  image: DiskImage,
  limitBytes: number,
  progress: Progress,
): Promise<number | undefined> {
  const map = await mapDisk(image, progress);
  if (mostDataBytes(map) <= limitBytes) return undefined;
  await using file = await open(image.path, 'r');
  const pieces = diskPieces({
    file,
    map,
    forms: [],
    signal: progress.signal,
    onProgress: (done) => progress.amount({ done, total: map.dataBytes, unit: 'bytes' }),
  });
  let dataBytes = 0;
  for await (const piece of pieces) dataBytes += dataBytesOf(piece);
  return dataBytes > limitBytes ? dataBytes : undefined;
}

/** If none of what its file stores were zeros. */
function mostDataBytes({ extents }: DiskMap): number {
  let grains = 0;
  let next = 0;
  for (const { start, lengthBytes } of extents) {
    const first = Math.max(next, Math.floor(start / PIECE_GRAIN_BYTES));
    next = Math.max(next, Math.ceil((start + lengthBytes) / PIECE_GRAIN_BYTES));
    grains += Math.max(0, next - first);
  }
  return grains * PIECE_GRAIN_BYTES;
}
