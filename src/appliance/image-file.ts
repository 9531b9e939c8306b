/** What the writers of image files have in common. What is not written stays a hole that reads as zeros. */
import type { FileHandle } from 'node:fs/promises';
import { PvmcError } from '../system/error.ts';
import type { DiskPiece } from './disk-pieces.ts';
import { runsOf } from './formats/raw.ts';
import { writeWhole } from './write-whole.ts';

/** Writes a piece of the disk to its place in a file that stores it as it is, but for grains of zeros. */
export async function writePiece(
  file: FileHandle,
  piece: DiskPiece,
  position: number,
): Promise<void> {
  for (const { from, to } of runsOf(piece)) {
    await writeWhole(file, piece.bytes.subarray(from, to), position + from);
  }
}

export interface SizeLimit {
  /** What cannot hold it, as a person calls it: `a VHD`. */
  readonly format: string;
  readonly mostBytes: number;
  /** Formats that can, as the manifest names them. */
  readonly instead: string;
}

/** @throws PvmcError `export-too-large` when a disk is larger than its format allows. */
export function checkSize(sizeBytes: number, { format, mostBytes, instead }: SizeLimit): void {
  if (sizeBytes <= mostBytes) return;
  const gib = 2 ** 30;
  throw new PvmcError({
    kind: 'input',
    code: 'export-too-large',
    message: `the disk has ${Math.ceil(sizeBytes / gib)} GiB, and ${format} holds ${Math.floor(mostBytes / gib)} GiB at most`,
    hint: `Make the disk smaller, or export another format: ${instead}.`,
  });
}
