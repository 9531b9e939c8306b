/**
 * Writes a dynamic VHDX, Hyper-V's format: headers, an empty log, metadata and the block allocation table, then
 * the blocks that hold data, in order. What `qemu-img` writes differs on every run.
 */
import type { FileHandle } from 'node:fs/promises';
import { derivedUuid } from '../../system/identity.ts';
import type { DiskShape } from '../disk-pieces.ts';
import { checkSize, writePiece } from '../image-file.ts';
import { writeWhole } from '../write-whole.ts';
import {
  BLOCK_BYTES,
  encodeHeaders,
  encodeMetadata,
  FULLY_PRESENT,
  METADATA_AT,
  TABLE_AT,
  tableEntries,
  tableIndex,
} from './format.ts';

const MIB = 2 ** 20;
/** The table is in memory: 8 MiB for each TiB. The format would allow 64. */
const MOST_BYTES = 8 * 2 ** 40;

export interface VhdxOptions {
  /** What the GUIDs are derived from. */
  readonly seed: readonly string[];
}

/** @param file empty. @throws PvmcError `export-too-large` */
export async function writeVhdx(
  file: FileHandle,
  disk: DiskShape,
  { seed }: VhdxOptions,
): Promise<void> {
  checkSize(disk.sizeBytes, { format: 'our VHDX', mostBytes: MOST_BYTES, instead: 'qcow2, raw' });
  const guids = {
    fileWrite: derivedUuid(...seed, 'vhdx', 'file'),
    dataWrite: derivedUuid(...seed, 'vhdx', 'data'),
    disk: derivedUuid(...seed, 'vhdx', 'disk'),
  };
  const table = Buffer.alloc(Math.ceil((tableEntries(disk.sizeBytes) * 8) / MIB) * MIB);
  let end = TABLE_AT + table.length;
  for await (const piece of disk.pieces) {
    await writePiece(file, piece, end);
    // The place is counted in mebibytes, from bit 20 on: that is the place in bytes.
    const entry = BigInt(end) | BigInt(FULLY_PRESENT);
    table.writeBigUInt64LE(entry, tableIndex(piece.start / BLOCK_BYTES) * 8);
    end += BLOCK_BYTES;
  }
  await file.truncate(end);
  await writeWhole(file, table, TABLE_AT);
  await writeWhole(file, encodeMetadata(disk.sizeBytes, guids), METADATA_AT);
  await writeWhole(file, encodeHeaders(guids, table.length), 0);
}
