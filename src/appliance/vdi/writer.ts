/**
 * Writes a VDI, VirtualBox's own format, as its dynamic variant: a header, a map with one entry for each
 * mebibyte of the disk, and the mebibytes that hold data, in order. The layout is that of VirtualBox's
 * Storage/VDICore.h. VirtualBox knows a disk by its UUID, which here follows from what the image is made of.
 */
import type { FileHandle } from 'node:fs/promises';
import { derivedUuid } from '../../system/identity.ts';
import { type DiskShape, PIECE_BYTES } from '../disk-pieces.ts';
import { guidBytes } from '../guid.ts';
import { checkSize, writePiece } from '../image-file.ts';
import { writeWhole } from '../write-whole.ts';

const TEXT = '<<< Oracle VM VirtualBox Disk Image >>>\n';
const SIGNATURE = 0xbeda107f;
/** 1.1, in its halves. */
const VERSION = 0x0001_0001;
/** What follows text, signature and version. */
const HEADER_BYTES = 400;
const DYNAMIC = 1;
const SECTOR_BYTES = 512;
const BLOCK_BYTES = PIECE_BYTES;
/** VirtualBox lets map and data begin at multiples of this. */
const ALIGNMENT = PIECE_BYTES;
const MAP_AT = ALIGNMENT;
/** The map is in memory: 8 MiB for each TiB. */
const MOST_BYTES = 8 * 2 ** 40;

export interface VdiOptions {
  /** What the UUIDs are derived from. */
  readonly seed: readonly string[];
}

/** @param file empty. @throws PvmcError `export-too-large` */
export async function writeVdi(
  file: FileHandle,
  disk: DiskShape,
  options: VdiOptions,
): Promise<void> {
  const limit = { mostBytes: MOST_BYTES, instead: 'qcow2, vhdx, raw' };
  checkSize(disk.sizeBytes, { format: 'our VDI', ...limit });
  const blocks = Math.ceil(disk.sizeBytes / BLOCK_BYTES);
  // 2^32 - 1 is a block that was never written, and reads as zeros.
  const map = Buffer.alloc(blocks * 4, 0xff);
  const dataAt = MAP_AT + Math.ceil(map.length / ALIGNMENT) * ALIGNMENT;
  let stored = 0;
  for await (const piece of disk.pieces) {
    await writePiece(file, piece, dataAt + stored * BLOCK_BYTES);
    map.writeUInt32LE(stored, (piece.start / BLOCK_BYTES) * 4);
    stored += 1;
  }
  await file.truncate(dataAt + stored * BLOCK_BYTES);
  await writeWhole(file, map, MAP_AT);
  await writeWhole(
    file,
    header({ sizeBytes: disk.sizeBytes, dataAt, blocks, stored, ...options }),
    0,
  );
}

interface HeaderFacts extends VdiOptions {
  readonly sizeBytes: number;
  readonly dataAt: number;
  readonly blocks: number;
  readonly stored: number;
}

function header({ sizeBytes, dataAt, blocks, stored, seed }: HeaderFacts): Buffer {
  const bytes = Buffer.alloc(72 + HEADER_BYTES);
  bytes.write(TEXT, 0, 'latin1');
  bytes.writeUInt32LE(SIGNATURE, 64);
  bytes.writeUInt32LE(VERSION, 68);
  bytes.writeUInt32LE(HEADER_BYTES, 72);
  bytes.writeUInt32LE(DYNAMIC, 76);
  // No flags at 80; no comment at 84, which has 256 bytes.
  bytes.writeUInt32LE(MAP_AT, 340);
  bytes.writeUInt32LE(dataAt, 344);
  // The geometry at 348 is left to VirtualBox, but for the size of a sector.
  bytes.writeUInt32LE(SECTOR_BYTES, 360);
  bytes.writeBigUInt64LE(BigInt(sizeBytes), 368);
  bytes.writeUInt32LE(BLOCK_BYTES, 376);
  bytes.writeUInt32LE(blocks, 384);
  bytes.writeUInt32LE(stored, 388);
  guidBytes(derivedUuid(...seed, 'vdi')).copy(bytes, 392);
  guidBytes(derivedUuid(...seed, 'vdi', 'modification')).copy(bytes, 408);
  // No parent at 424 and 440; no logical geometry at 456, but again for the size of a sector.
  bytes.writeUInt32LE(SECTOR_BYTES, 468);
  return bytes;
}
