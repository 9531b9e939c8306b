/**
 * Writes a fixed VHD as Azure wants it: the plain disk, whose size is a whole number of mebibytes, and behind
 * it a footer of 512 bytes (Microsoft's Virtual Hard Disk Image Format Specification). On this computer the file
 * is sparse; it has its nominal size wherever it is copied without care for holes.
 */
import type { FileHandle } from 'node:fs/promises';
import { derivedUuid } from '../../system/identity.ts';
import { type DiskShape, PIECE_BYTES } from '../disk-pieces.ts';
import { runsOf } from '../formats/raw.ts';
import { checkSize } from '../image-file.ts';
import type { SparseDigest } from '../sparse-digest.ts';
import { writeWhole } from '../write-whole.ts';

const FOOTER_BYTES = 512;
const MOST_BYTES = 2040 * 2 ** 30;
/** 2000-01-01 00:00 UTC, from which a VHD counts. */
const EPOCH_2000 = 946_684_800;
const FIXED = 2;

export interface VhdOptions {
  /** What the unique ID is derived from. */
  readonly seed: readonly string[];
  /** Seconds since 1970. */
  readonly sourceDateEpoch: number;
  /** Is given all that is written, in order. */
  readonly digest?: SparseDigest;
}

/** @param file empty. @throws PvmcError `export-too-large` */
export async function writeVhd(
  file: FileHandle,
  disk: DiskShape,
  options: VhdOptions,
): Promise<void> {
  checkSize(disk.sizeBytes, { format: 'a VHD', mostBytes: MOST_BYTES, instead: 'vhdx, raw' });
  const sizeBytes = Math.ceil(disk.sizeBytes / PIECE_BYTES) * PIECE_BYTES;
  const write = async (bytes: Buffer, position: number) => {
    await writeWhole(file, bytes, position);
    await options.digest?.add(bytes, position);
  };
  for await (const { start, bytes, isZero } of disk.pieces) {
    for (const { from, to } of runsOf({ isZero })) {
      await write(bytes.subarray(from, to), start + from);
    }
  }
  await file.truncate(sizeBytes);
  await write(footer(sizeBytes, options), sizeBytes);
}

/** All numbers big-endian. */
function footer(sizeBytes: number, { seed, sourceDateEpoch }: VhdOptions): Buffer {
  const bytes = Buffer.alloc(FOOTER_BYTES);
  bytes.write('conectix', 0, 'latin1');
  // A bit that is always set, and format 1.0.
  bytes.writeUInt32BE(2, 8);
  bytes.writeUInt32BE(0x0001_0000, 12);
  // No further header, as the disk is fixed.
  bytes.fill(0xff, 16, 24);
  bytes.writeUInt32BE(Math.min(Math.max(0, sourceDateEpoch - EPOCH_2000), 0xffff_ffff), 24);
  // Windows 10 is said to have made it: of an unknown maker, readers believe the geometry instead of the size.
  bytes.write('win ', 28, 'latin1');
  bytes.writeUInt32BE(0x000a_0000, 32);
  bytes.write('Wi2k', 36, 'latin1');
  bytes.writeBigUInt64BE(BigInt(sizeBytes), 40);
  bytes.writeBigUInt64BE(BigInt(sizeBytes), 48);
  const { cylinders, heads, sectors } = vhdGeometry(sizeBytes / 512);
  bytes.writeUInt16BE(cylinders, 56);
  bytes.writeUInt8(heads, 58);
  bytes.writeUInt8(sectors, 59);
  bytes.writeUInt32BE(FIXED, 60);
  Buffer.from(derivedUuid(...seed, 'vhd').replaceAll('-', ''), 'hex').copy(bytes, 68);
  bytes.writeUInt32BE(vhdChecksum(bytes), 64);
  return bytes;
}

/** The complement of the sum of all bytes but the checksum's own. */
export function vhdChecksum(footerBytes: Buffer): number {
  let sum = 0;
  for (const [at, byte] of footerBytes.entries()) if (at < 64 || at >= 68) sum += byte;
  return ~sum >>> 0;
}

/** The specification's appendix "CHS Calculation". */
export function vhdGeometry(totalSectors: number) {
  const limited = Math.min(totalSectors, 65535 * 16 * 255);
  if (limited >= 65535 * 16 * 63) {
    return { cylinders: Math.floor(limited / (255 * 16)), heads: 16, sectors: 255 };
  }
  let sectors = 17;
  let tracks = Math.floor(limited / sectors);
  let heads = Math.max(4, Math.floor((tracks + 1023) / 1024));
  if (tracks >= heads * 1024 || heads > 16) {
    sectors = 31;
    heads = 16;
    tracks = Math.floor(limited / sectors);
  }
  if (tracks >= heads * 1024) {
    sectors = 63;
    heads = 16;
    tracks = Math.floor(limited / sectors);
  }
  return { cylinders: Math.floor(tracks / heads), heads, sectors };
}
