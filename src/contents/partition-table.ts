/**
 * The partitions of a disk: a GPT, or else the four entries of a master boot record. As UEFI says it, the
 * table at the disk's beginning counts if its checksums are right, else the copy at its end.
 */
import { crc32 } from 'node:zlib';
import { type ByteSource, diskBroken, isWithin } from './byte-source.ts';
import { textOf } from './file-system.ts';

const SECTOR_BYTES = 512;
const GPT_SIGNATURE = 'EFI PART';
const GPT_HEADER_BYTES = 92;
/** Everybody writes 128 entries of 128 bytes. */
const MOST_TABLE_BYTES = 2 ** 20;
/** Of a master boot record: code, then the disk's signature, then four entries. */
const MBR_ENTRIES = 446;
const PROTECTIVE = 0xee;

export interface Partition {
  /** From 1, as Linux counts them. */
  readonly number: number;
  readonly startBytes: number;
  readonly sizeBytes: number;
  /** A GUID, or two hexadecimal digits in a master boot record. */
  readonly type: string;
  /** Its GUID; empty in a master boot record. */
  readonly id: string;
  readonly name: string;
  /** 64 bits as hexadecimal digits; of a master boot record, `80` for the active one. */
  readonly attributes: string;
}

export interface PartitionTable {
  readonly kind: 'gpt' | 'mbr' | 'none';
  /** The disk's GUID or signature. */
  readonly id: string;
  readonly partitions: readonly Partition[];
  /** The table at the beginning is damaged, and its copy was read instead. */
  readonly isCopy: boolean;
}

/** @throws PvmcError `disk-invalid` */
export async function readPartitionTable(disk: ByteSource): Promise<PartitionTable> {
  const none: PartitionTable = { kind: 'none', id: '', partitions: [], isCopy: false };
  if (disk.sizeBytes < 2 * SECTOR_BYTES) return none;
  const record = await disk.read(0, SECTOR_BYTES);
  const first = await readGpt(disk, SECTOR_BYTES);
  const table = first ?? (await readGpt(disk, lastSector(disk.sizeBytes)));
  if (table) return { ...table, isCopy: first === undefined };
  const master = masterBootRecord(record, disk.sizeBytes);
  const isProtective = master?.partitions.some(({ type }) => type === PROTECTIVE.toString(16));
  if (isProtective) {
    throw diskBroken('the partition table', 'neither the GPT nor its copy at the end is whole');
  }
  return master ?? none;
}

function lastSector(sizeBytes: number): number {
  return (Math.floor(sizeBytes / SECTOR_BYTES) - 1) * SECTOR_BYTES;
}

/** Undefined when there is none, or its checksums are wrong. */
async function readGpt(
  disk: ByteSource,
  at: number,
): Promise<Omit<PartitionTable, 'isCopy'> | undefined> {
  const header = await disk.read(at, SECTOR_BYTES);
  if (header.toString('latin1', 0, 8) !== GPT_SIGNATURE) return undefined;
  const headerBytes = header.readUInt32LE(12);
  if (headerBytes < GPT_HEADER_BYTES || headerBytes > SECTOR_BYTES) return undefined;
  const summed = Buffer.from(header.subarray(0, headerBytes));
  summed.writeUInt32LE(0, 16);
  if (crc32(summed) !== header.readUInt32LE(16)) return undefined;
  const start = Number(header.readBigUInt64LE(72)) * SECTOR_BYTES;
  const count = header.readUInt32LE(80);
  const entryBytes = header.readUInt32LE(84);
  const tableBytes = count * entryBytes;
  if (entryBytes < 128 || tableBytes > MOST_TABLE_BYTES) return undefined;
  if (!isWithin(disk.sizeBytes, start, tableBytes)) return undefined;
  const entries = await disk.read(start, tableBytes);
  if (crc32(entries) !== header.readUInt32LE(88)) return undefined;
  const partitions = Array.from({ length: count }, (_, index) =>
    gptEntry(entries.subarray(index * entryBytes, (index + 1) * entryBytes), index + 1),
  ).filter((one) => one !== undefined);
  for (const one of partitions) requireInside(one, disk.sizeBytes);
  return { kind: 'gpt', id: guidOf(header.subarray(56, 72)), partitions };
}

function gptEntry(entry: Buffer, number: number): Partition | undefined {
  if (entry.subarray(0, 16).every((byte) => byte === 0)) return undefined;
  const first = Number(entry.readBigUInt64LE(32));
  const last = Number(entry.readBigUInt64LE(40));
  return {
    number,
    startBytes: first * SECTOR_BYTES,
    sizeBytes: (last - first + 1) * SECTOR_BYTES,
    type: guidOf(entry.subarray(0, 16)),
    id: guidOf(entry.subarray(16, 32)),
    name: entry.toString('utf16le', 56, 128).replace(/\0.*$/s, ''),
    attributes: entry.readBigUInt64LE(48).toString(16).padStart(16, '0'),
  };
}

function masterBootRecord(record: Buffer, diskBytes: number): PartitionTable | undefined {
  if (record.readUInt16LE(510) !== 0xaa55) return undefined;
  const partitions = [0, 1, 2, 3].flatMap((index) => {
    const entry = record.subarray(MBR_ENTRIES + index * 16, MBR_ENTRIES + (index + 1) * 16);
    const type = entry.readUInt8(4);
    const status = entry.readUInt8(0);
    // A boot sector of FAT has the same end, and text where the entries would be.
    if (type === 0 || (status !== 0 && status !== 0x80)) return [];
    const one: Partition = {
      number: index + 1,
      startBytes: entry.readUInt32LE(8) * SECTOR_BYTES,
      sizeBytes: entry.readUInt32LE(12) * SECTOR_BYTES,
      type: type.toString(16).padStart(2, '0'),
      id: '',
      name: '',
      attributes: status.toString(16).padStart(2, '0'),
    };
    return isWithin(diskBytes, one.startBytes, one.sizeBytes) || type === PROTECTIVE ? [one] : [];
  });
  if (partitions.length === 0) return undefined;
  const id = record.readUInt32LE(440).toString(16).padStart(8, '0');
  return { kind: 'mbr', id, partitions, isCopy: false };
}

function requireInside({ number, startBytes, sizeBytes }: Partition, diskBytes: number): void {
  if (sizeBytes > 0 && isWithin(diskBytes, startBytes, sizeBytes)) return;
  throw diskBroken('the partition table', `partition ${number} does not lie within the disk`);
}

/** The first three parts of a GUID are little-endian. */
export function guidOf(bytes: Buffer): string {
  const hex = (number: number, digits: number) => number.toString(16).padStart(digits, '0');
  return [
    hex(bytes.readUInt32LE(0), 8),
    hex(bytes.readUInt16LE(4), 4),
    hex(bytes.readUInt16LE(6), 4),
    bytes.toString('hex', 8, 10),
    bytes.toString('hex', 10, 16),
  ]
    .join('-')
    .toUpperCase();
}

/** What file systems and the like begin with, for those that are not looked into. */
export async function foreignContent(partition: ByteSource): Promise<string | undefined> {
  const length = Math.min(partition.sizeBytes, 2 ** 17);
  const begin = await partition.read(0, length);
  return SIGNATURES.find(({ at, magic }) => textOf(begin.subarray(at, at + magic.length)) === magic)
    ?.words;
}

const SIGNATURES = [
  { at: 0, magic: 'XFSB', words: 'XFS' },
  { at: 0x1_0040, magic: '_BHRfS_M', words: 'Btrfs' },
  { at: 0, magic: 'hsqs', words: 'SquashFS' },
  { at: 0, magic: 'LUKS', words: 'LUKS' },
  { at: 0x218, magic: 'LVM2 001', words: 'LVM' },
  { at: 4086, magic: 'SWAPSPACE2', words: 'swap' },
  { at: 3, magic: 'NTFS', words: 'NTFS' },
] as const;
