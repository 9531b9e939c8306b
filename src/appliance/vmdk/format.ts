/**
 * The parts of a VMDK in one file ("Virtual Disk Format 5.0", VMware), streamOptimized or monolithicSparse: header
 * and footer, the markers between which a stream has its grains and tables, and the text that describes the
 * disk. All numbers are little-endian, all places counted in sectors from the file's beginning.
 */

export const SECTOR_BYTES = 512;
export const GRAIN_SECTORS = 128;
export const GRAIN_BYTES = GRAIN_SECTORS * SECTOR_BYTES;
/** Entries of a grain table; importers know no other number. */
export const TABLE_ENTRIES = 512;
export const TABLE_SECTORS = (TABLE_ENTRIES * 4) / SECTOR_BYTES;
export const TABLE_BYTES = TABLE_SECTORS * SECTOR_BYTES;
/** Before a grain's data: its sector on the disk, and how many bytes of data follow. */
export const GRAIN_HEADER_BYTES = 12;
const DESCRIPTOR_SECTOR = 1;
const DESCRIPTOR_SECTORS = 20;
/** Behind header and description. */
export const FIRST_FREE_SECTOR = DESCRIPTOR_SECTOR + DESCRIPTOR_SECTORS;
/** Where the first grain stands. */
export const OVERHEAD_SECTORS = 128;

const MAGIC = 'KDMV';
const VERSION = 3;
const LINE_ENDS_VALID = 0x1;
const REDUNDANT = 0x2;
/** Line ends can be checked; grains are compressed; grains and tables have markers. */
const FLAGS = LINE_ENDS_VALID | 0x1_0000 | 0x2_0000;
/** In the header: where the grain directory is will be known at the end, look into the footer. */
const DIRECTORY_AT_END = 0xffff_ffff_ffff_ffffn;
/** Of all line ends, what a transfer as text would damage. */
const LINE_ENDS = '\n \r\n';
const DEFLATE = 1;

export type MarkerType = 'end-of-stream' | 'grain-table' | 'grain-directory' | 'footer';
const MARKER_TYPES: readonly MarkerType[] = [
  'end-of-stream',
  'grain-table',
  'grain-directory',
  'footer',
];

export interface Header {
  readonly version: number;
  /** Grains are compressed and stand behind markers, as in a stream. */
  readonly isStreamed: boolean;
  /** False when a transfer as text has changed the file. */
  readonly hasItsLineEnds: boolean;
  /** Somebody writes to it, or has not finished. */
  readonly isUnclean: boolean;
  readonly flags: number;
  readonly capacitySectors: number;
  readonly grainSectors: number;
  readonly descriptorSector: number;
  readonly descriptorSectors: number;
  readonly tableEntries: number;
  /** Undefined when it says that the footer knows. */
  readonly directorySector: number | undefined;
  readonly overheadSectors: number;
}

export interface HeaderPlaces {
  readonly capacitySectors: number;
  readonly directorySector: number | undefined;
}

/** Header or, with the grain directory's place, footer. */
export function encodeHeader({ capacitySectors, directorySector }: HeaderPlaces): Buffer {
  const sector = Buffer.alloc(SECTOR_BYTES);
  sector.write(MAGIC, 0, 'latin1');
  sector.writeUInt32LE(VERSION, 4);
  sector.writeUInt32LE(FLAGS, 8);
  sector.writeBigUInt64LE(BigInt(capacitySectors), 12);
  sector.writeBigUInt64LE(BigInt(GRAIN_SECTORS), 20);
  sector.writeBigUInt64LE(BigInt(DESCRIPTOR_SECTOR), 28);
  sector.writeBigUInt64LE(BigInt(DESCRIPTOR_SECTORS), 36);
  sector.writeUInt32LE(TABLE_ENTRIES, 44);
  // No redundant directory at 48.
  const directory = directorySector === undefined ? DIRECTORY_AT_END : BigInt(directorySector);
  sector.writeBigUInt64LE(directory, 56);
  sector.writeBigUInt64LE(BigInt(OVERHEAD_SECTORS), 64);
  // Shut down cleanly: 0 at 72.
  sector.write(LINE_ENDS, 73, 'latin1');
  sector.writeUInt16LE(DEFLATE, 77);
  return sector;
}

/** Where directory and tables are, twice, before the first grain. */
export interface SparsePlaces {
  readonly capacitySectors: number;
  readonly redundantDirectorySector: number;
  readonly directorySector: number;
  readonly overheadSectors: number;
}

/** The header of a disk that a machine can write to: version 1, nothing compressed, tables twice. */
export function encodeSparseHeader(places: SparsePlaces): Buffer {
  const sector = encodeHeader(places);
  sector.writeUInt32LE(1, 4);
  sector.writeUInt32LE(LINE_ENDS_VALID | REDUNDANT, 8);
  sector.writeBigUInt64LE(BigInt(places.redundantDirectorySector), 48);
  sector.writeBigUInt64LE(BigInt(places.overheadSectors), 64);
  sector.writeUInt16LE(0, 77);
  return sector;
}

/** What a header or footer says; undefined when it is none of a sparse VMDK. */
export function decodeHeader(sector: Buffer): Header | undefined {
  if (sector.length < SECTOR_BYTES || sector.toString('latin1', 0, 4) !== MAGIC) return undefined;
  const flags = sector.readUInt32LE(8);
  const directory = sector.readBigUInt64LE(56);
  return {
    version: sector.readUInt32LE(4),
    isStreamed: (flags & 0x3_0000) === 0x3_0000 && sector.readUInt16LE(77) === DEFLATE,
    hasItsLineEnds: sector.toString('latin1', 73, 77) === LINE_ENDS,
    isUnclean: sector.readUInt8(72) !== 0,
    flags,
    capacitySectors: Number(sector.readBigUInt64LE(12)),
    grainSectors: Number(sector.readBigUInt64LE(20)),
    descriptorSector: Number(sector.readBigUInt64LE(28)),
    descriptorSectors: Number(sector.readBigUInt64LE(36)),
    tableEntries: sector.readUInt32LE(44),
    directorySector: directory === DIRECTORY_AT_END ? undefined : Number(directory),
    overheadSectors: Number(sector.readBigUInt64LE(64)),
  };
}

/** A sector that says what the `sectors` behind it are. */
export function encodeMarker(type: MarkerType, sectors: number): Buffer {
  const sector = Buffer.alloc(SECTOR_BYTES);
  sector.writeBigUInt64LE(BigInt(sectors), 0);
  // 0 bytes of data at 8 tell it from a grain.
  sector.writeUInt32LE(MARKER_TYPES.indexOf(type), 12);
  return sector;
}

export type Marker =
  | { readonly type: 'grain'; readonly diskSector: number; readonly dataBytes: number }
  | { readonly type: MarkerType; readonly sectors: number }
  | { readonly type: 'unknown'; readonly number: number };

export function decodeMarker(sector: Buffer): Marker {
  const value = Number(sector.readBigUInt64LE(0));
  const dataBytes = sector.readUInt32LE(8);
  if (dataBytes > 0) return { type: 'grain', diskSector: value, dataBytes };
  const number = sector.readUInt32LE(12);
  const type = MARKER_TYPES[number];
  return type === undefined ? { type: 'unknown', number } : { type, sectors: value };
}

/** A grain as it stands in a stream: its marker, its data, zeros up to the end of the sector. */
export function encodeGrain(diskSector: number, packed: Buffer): Buffer {
  const end = GRAIN_HEADER_BYTES + packed.length;
  const bytes = Buffer.alloc(Math.ceil(end / SECTOR_BYTES) * SECTOR_BYTES);
  writeGrain(bytes, 0, { diskSector, packed });
  return bytes;
}

/** The same within bytes that are zero. */
export function writeGrain(
  bytes: Buffer,
  at: number,
  { diskSector, packed }: { readonly diskSector: number; readonly packed: Buffer },
): void {
  bytes.writeBigUInt64LE(BigInt(diskSector), at);
  bytes.writeUInt32LE(packed.length, at + 8);
  packed.copy(bytes, at + GRAIN_HEADER_BYTES);
}

/** What identifies a disk and must be the same each time it is written. */
export interface DiskIdentity {
  /** The file's name, as the descriptor repeats it. */
  readonly name: string;
  /** 32 hexadecimal digits; the last eight are the CID. */
  readonly contentId: string;
}

/**
 * By which VirtualBox knows a disk that is attached as it is. It draws one where there is none, but cannot keep it
 * in a file that it only reads, and takes the disk for another one when it is started again.
 */
export interface VirtualBoxUuids {
  readonly image: string;
  readonly modification: string;
}

/** The text that describes the disk, padded to its sectors. A stream is only imported, and needs no UUIDs. */
export function encodeDescriptor(
  identity: DiskIdentity,
  capacitySectors: number,
  uuids?: VirtualBoxUuids,
): Buffer {
  const createType = uuids ? 'monolithicSparse' : 'streamOptimized';
  const { cylinders, heads, sectors } = geometry(capacitySectors);
  const text = `# Disk DescriptorFile
version=1
encoding="UTF-8"
CID=${identity.contentId.slice(-8)}
parentCID=ffffffff
createType="${createType}"

# Extent description
RW ${capacitySectors} SPARSE "${identity.name}"

# The Disk Data Base
#DDB

ddb.adapterType = "lsilogic"
ddb.geometry.cylinders = "${cylinders}"
ddb.geometry.heads = "${heads}"
ddb.geometry.sectors = "${sectors}"
ddb.longContentID = "${identity.contentId}"
ddb.toolsInstallType = "4"
ddb.toolsVersion = "2147483647"
${uuids ? uuidLines(uuids) : ''}ddb.virtualHWVersion = "14"
`;
  const padded = Buffer.alloc(DESCRIPTOR_SECTORS * SECTOR_BYTES);
  if (padded.write(text, 'utf8') < Buffer.byteLength(text)) throw new RangeError('name too long');
  return padded;
}

function uuidLines({ image, modification }: VirtualBoxUuids): string {
  const none = '00000000-0000-0000-0000-000000000000';
  return `ddb.uuid.image = "${image}"
ddb.uuid.modification = "${modification}"
ddb.uuid.parent = "${none}"
ddb.uuid.parentmodification = "${none}"
`;
}

/** The entries of a descriptor's text: `CID`, `createType`, `ddb.adapterType`, …, and `extent`. */
export function decodeDescriptor(text: string): ReadonlyMap<string, string> {
  const entries = new Map<string, string>();
  for (const line of text.replace(/\0.*$/s, '').split('\n')) {
    const entry = /^\s*([\w.]+)\s*=\s*"?(.*?)"?\s*$/.exec(line);
    if (entry) entries.set(entry[1] ?? '', entry[2] ?? '');
    else if (/^RW\s/.test(line)) entries.set('extent', line.trim());
  }
  return entries;
}

/** The geometry that an LSI Logic BIOS gives a disk of this size. */
function geometry(capacitySectors: number) {
  const gib = 2 ** 30 / SECTOR_BYTES;
  const [heads, sectors] =
    capacitySectors <= gib ? [64, 32] : capacitySectors <= 2 * gib ? [128, 32] : [255, 63];
  const cylinders = Math.ceil(capacitySectors / (heads * sectors));
  return { cylinders: Math.min(cylinders, 65535), heads, sectors };
}
