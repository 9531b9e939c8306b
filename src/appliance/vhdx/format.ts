/**
 * The parts of a VHDX before its data, as Microsoft's [MS-VHDX] describes them: two headers, two copies of the table
 * of regions, the metadata, and the numbers by which the block allocation table is laid out. All numbers are
 * little-endian, regions begin and end at whole mebibytes.
 */
import { guidBytes } from '../guid.ts';
import { crc32c } from './crc32c.ts';

const MIB = 2 ** 20;
const KIB64 = 65536;

/** Microsoft recommends 1 MiB for Linux guests, whose file systems spread what they write; 32 MiB is its default. */
export const BLOCK_BYTES = MIB;
export const SECTOR_BYTES = 512;
/** Of a disk of today, on which 512 bytes are emulated. */
const PHYSICAL_SECTOR_BYTES = 4096;
/** After so many blocks the table has an entry for a bitmap of sectors, which only differencing disks use. */
export const CHUNK_BLOCKS = (2 ** 23 * SECTOR_BYTES) / BLOCK_BYTES;
/** The state of a block that is stored; 0 is one that is not, and reads as zeros. */
export const FULLY_PRESENT = 6;

export const LOG_AT = MIB;
export const LOG_BYTES = MIB;
export const METADATA_AT = 2 * MIB;
export const METADATA_BYTES = MIB;
export const TABLE_AT = 3 * MIB;

export const REGION_GUIDS = {
  blocks: '2dc27766-f623-4200-9d64-115e9bfd4a08',
  metadata: '8b7ca206-4790-4b9a-b8fe-575f050f886e',
};

export const METADATA_GUIDS = {
  fileParameters: 'caa16737-fa36-4d43-b3b6-33f0aa44e76b',
  virtualDiskSize: '2fa54224-cd1b-4876-b211-5dbed83bf4b8',
  virtualDiskId: 'beca12ab-b2e6-4523-93ef-c309e000c746',
  logicalSectorSize: '8141bf1d-a96f-4709-ba47-f233a8faab5f',
  physicalSectorSize: 'cda348c7-445d-4471-9cc9-e9885251c556',
};

export interface VhdxGuids {
  /** Of the file's and of the disk's content, which whoever writes to them draws anew. */
  readonly fileWrite: string;
  readonly dataWrite: string;
  /** Of the disk, as the guest sees it. */
  readonly disk: string;
}

/** Entries of the block allocation table. */
export function tableEntries(diskBytes: number): number {
  const blocks = Math.ceil(diskBytes / BLOCK_BYTES);
  return blocks + Math.floor((blocks - 1) / CHUNK_BLOCKS);
}

/** Where the entry of a block is: bitmaps' entries stand between. */
export function tableIndex(block: number): number {
  return block + Math.floor(block / CHUNK_BLOCKS);
}

/** The first mebibyte of the file. */
export function encodeHeaders(guids: VhdxGuids, tableBytes: number): Buffer {
  const bytes = Buffer.alloc(MIB);
  bytes.write('vhdxfile', 0, 'latin1');
  bytes.write('pvmc', 8, 'utf16le');
  // The one with the higher number counts; the other is there for whoever updates it.
  encodeHeader(guids, 1).copy(bytes, KIB64);
  encodeHeader(guids, 2).copy(bytes, 2 * KIB64);
  const regions = encodeRegions(tableBytes);
  regions.copy(bytes, 3 * KIB64);
  regions.copy(bytes, 4 * KIB64);
  return bytes;
}

function encodeHeader(guids: VhdxGuids, sequence: number): Buffer {
  const bytes = Buffer.alloc(4096);
  bytes.write('head', 0, 'latin1');
  bytes.writeBigUInt64LE(BigInt(sequence), 8);
  guidBytes(guids.fileWrite).copy(bytes, 16);
  guidBytes(guids.dataWrite).copy(bytes, 32);
  // An empty log: no GUID at 48, version 0 at 64. Then the version of the format.
  bytes.writeUInt16LE(1, 66);
  bytes.writeUInt32LE(LOG_BYTES, 68);
  bytes.writeBigUInt64LE(BigInt(LOG_AT), 72);
  bytes.writeUInt32LE(crc32c(bytes), 4);
  return bytes;
}

function encodeRegions(tableBytes: number): Buffer {
  const bytes = Buffer.alloc(KIB64);
  bytes.write('regi', 0, 'latin1');
  const regions = [
    { guid: REGION_GUIDS.blocks, at: TABLE_AT, length: tableBytes },
    { guid: REGION_GUIDS.metadata, at: METADATA_AT, length: METADATA_BYTES },
  ];
  bytes.writeUInt32LE(regions.length, 8);
  for (const [index, { guid, at, length }] of regions.entries()) {
    const entry = 16 + index * 32;
    guidBytes(guid).copy(bytes, entry);
    bytes.writeBigUInt64LE(BigInt(at), entry + 16);
    bytes.writeUInt32LE(length, entry + 24);
    // Whoever does not know it must not open the file.
    bytes.writeUInt32LE(1, entry + 28);
  }
  bytes.writeUInt32LE(crc32c(bytes), 4);
  return bytes;
}

/** Whether an item describes the disk or the file, and that it must be understood. */
const OF_THE_DISK = 2 | 4;
const OF_THE_FILE = 4;

/** The region of metadata: a table of 64 KiB, and the items that it tells of. */
export function encodeMetadata(diskBytes: number, guids: VhdxGuids): Buffer {
  const parameters = Buffer.alloc(8);
  parameters.writeUInt32LE(BLOCK_BYTES, 0);
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(diskBytes));
  const items = [
    { guid: METADATA_GUIDS.fileParameters, flags: OF_THE_FILE, value: parameters },
    { guid: METADATA_GUIDS.virtualDiskSize, flags: OF_THE_DISK, value: size },
    { guid: METADATA_GUIDS.virtualDiskId, flags: OF_THE_DISK, value: guidBytes(guids.disk) },
    { guid: METADATA_GUIDS.logicalSectorSize, flags: OF_THE_DISK, value: number32(SECTOR_BYTES) },
    {
      guid: METADATA_GUIDS.physicalSectorSize,
      flags: OF_THE_DISK,
      value: number32(PHYSICAL_SECTOR_BYTES),
    },
  ];
  const bytes = Buffer.alloc(METADATA_BYTES);
  bytes.write('metadata', 0, 'latin1');
  bytes.writeUInt16LE(items.length, 10);
  let at = KIB64;
  for (const [index, { guid, flags, value }] of items.entries()) {
    const entry = 32 + index * 32;
    guidBytes(guid).copy(bytes, entry);
    bytes.writeUInt32LE(at, entry + 16);
    bytes.writeUInt32LE(value.length, entry + 20);
    bytes.writeUInt32LE(flags, entry + 24);
    value.copy(bytes, at);
    at += value.length;
  }
  return bytes;
}

function number32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}
