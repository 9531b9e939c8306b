/**
 * The superblock and the group descriptors of ext2, ext3 and ext4, as Linux' Documentation/filesystems/ext4
 * describes them. All numbers are little-endian. What later parts rely on is checked here.
 */
import { counted } from '../../system/counted.ts';
import { diskBroken, type Region } from '../byte-source.ts';
import { textOf, uuidOf } from '../file-system.ts';

const SUPERBLOCK_AT = 1024;
const MAGIC = 0xef53;

/** Of `incompat` features: who does not know one cannot read the file system. */
const INCOMPATIBLE = {
  compression: 0x1,
  recover: 0x4,
  journalDevice: 0x8,
  metaBlockGroups: 0x10,
  extents: 0x40,
  is64Bit: 0x80,
  dataInFolders: 0x1000,
} as const;
const KNOWN_INCOMPATIBLE = 0x3_f7ff;
const SPARSE_SUPERBLOCKS = 0x1;
const SPARSE_SUPERBLOCKS_2 = 0x200;
const CLUSTERS = 0x200;
/** Of a group: its block bitmap was never written, since nothing but its own blocks is used. */
const BLOCKS_NEVER_USED = 0x2;

export interface Superblock {
  readonly blockBytes: number;
  readonly blocks: number;
  readonly freeBlocks: number;
  readonly firstBlock: number;
  readonly inodes: number;
  readonly inodeBytes: number;
  readonly blocksPerGroup: number;
  readonly inodesPerGroup: number;
  readonly groups: number;
  readonly descriptorBytes: number;
  readonly is64Bit: boolean;
  readonly hasExtents: boolean;
  readonly hasJournal: boolean;
  /** It was not unmounted: the journal holds what is not yet where it belongs. */
  readonly needsRecovery: boolean;
  readonly label: string;
  readonly uuid: string;
  /** The first group of which descriptors are beside their group; infinite without that feature. */
  readonly firstMetaGroup: number;
  /** Blocks kept free behind the descriptors, for growing. */
  readonly reservedDescriptorBlocks: number;
  /** Whether that group has a copy of the superblock. */
  readonly hasSuperblock: (group: number) => boolean;
}

/** Undefined when there is none. @throws PvmcError `disk-invalid` */
export async function readSuperblock(region: Region): Promise<Superblock | undefined> {
  if (region.sizeBytes < SUPERBLOCK_AT + 1024) return undefined;
  const bytes = await region.read(SUPERBLOCK_AT, 1024);
  if (bytes.readUInt16LE(56) !== MAGIC) return undefined;
  const incompatible = bytes.readUInt32LE(96);
  const compatible = bytes.readUInt32LE(92);
  const readOnly = bytes.readUInt32LE(100);
  const is64Bit = (incompatible & INCOMPATIBLE.is64Bit) !== 0;
  const high = (offset: number) => (is64Bit ? bytes.readUInt32LE(offset) * 2 ** 32 : 0);
  const blockBytes = 1024 * 2 ** Math.min(bytes.readUInt32LE(24), 31);
  const blocks = bytes.readUInt32LE(4) + high(336);
  const firstBlock = bytes.readUInt32LE(20);
  const blocksPerGroup = bytes.readUInt32LE(32);
  const isOld = bytes.readUInt32LE(76) === 0;
  const superblock: Superblock = {
    blockBytes,
    blocks,
    freeBlocks: bytes.readUInt32LE(12) + high(344),
    firstBlock,
    inodes: bytes.readUInt32LE(0),
    inodeBytes: isOld ? 128 : bytes.readUInt16LE(88),
    blocksPerGroup,
    inodesPerGroup: bytes.readUInt32LE(40),
    groups: Math.ceil((blocks - firstBlock) / blocksPerGroup),
    descriptorBytes: is64Bit ? bytes.readUInt16LE(254) : 32,
    is64Bit,
    hasExtents: (incompatible & INCOMPATIBLE.extents) !== 0,
    hasJournal: (compatible & 0x4) !== 0,
    needsRecovery: (incompatible & INCOMPATIBLE.recover) !== 0,
    label: textOf(bytes.subarray(120, 136)),
    uuid: uuidOf(bytes.subarray(104, 120)),
    firstMetaGroup:
      (incompatible & INCOMPATIBLE.metaBlockGroups) === 0 ? Infinity : bytes.readUInt32LE(260),
    reservedDescriptorBlocks: bytes.readUInt16LE(206),
    hasSuperblock: superblockGroups(compatible, readOnly, bytes),
  };
  requireKnown(region.called, incompatible, readOnly);
  requireSound(superblock, region);
  return superblock;
}

/** Group 0, and with the sparse feature only 1 and the powers of 3, 5 and 7. */
function superblockGroups(compatible: number, readOnly: number, bytes: Buffer) {
  const backups = [bytes.readUInt32LE(588), bytes.readUInt32LE(592)];
  return (group: number): boolean => {
    if (group === 0) return true;
    if ((compatible & SPARSE_SUPERBLOCKS_2) !== 0) return backups.includes(group);
    if ((readOnly & SPARSE_SUPERBLOCKS) === 0 || group === 1) return true;
    return [3, 5, 7].some((base) => isPowerOf(base, group));
  };
}

function isPowerOf(base: number, value: number): boolean {
  let power = base;
  while (power < value) power *= base;
  return power === value;
}

function requireKnown(called: string, incompatible: number, readOnly: number): void {
  const unknown = incompatible & ~KNOWN_INCOMPATIBLE;
  const refused =
    INCOMPATIBLE.compression | INCOMPATIBLE.journalDevice | INCOMPATIBLE.dataInFolders;
  if (unknown === 0 && (incompatible & refused) === 0 && (readOnly & CLUSTERS) === 0) return;
  throw diskBroken(called, 'it has features of ext4 that pvmc does not know');
}

function requireSound(one: Superblock, region: Region): void {
  const { blockBytes, blocks, inodeBytes, descriptorBytes, groups } = one;
  const isSound =
    blockBytes <= 2 ** 16 &&
    blocks > one.firstBlock &&
    one.firstBlock <= 1 &&
    one.blocksPerGroup > 0 &&
    one.blocksPerGroup <= 8 * blockBytes &&
    one.inodesPerGroup > 0 &&
    one.inodesPerGroup <= 8 * blockBytes &&
    one.inodes <= groups * one.inodesPerGroup &&
    isPowerOfTwo(inodeBytes) &&
    inodeBytes >= 128 &&
    inodeBytes <= blockBytes &&
    isPowerOfTwo(descriptorBytes) &&
    descriptorBytes >= (one.is64Bit ? 64 : 32) &&
    descriptorBytes <= 1024 &&
    one.freeBlocks <= blocks;
  if (!isSound) throw diskBroken(region.called, 'its superblock has impossible numbers');
  if (blocks * blockBytes > region.sizeBytes) {
    const what = `it has ${counted(blocks, 'block')} of ${blockBytes} bytes, more than fit into ${region.sizeBytes}`;
    throw diskBroken(region.called, what);
  }
}

function isPowerOfTwo(value: number): boolean {
  return value > 0 && (value & (value - 1)) === 0;
}

export interface Group {
  readonly blockBitmap: number;
  readonly inodeBitmap: number;
  readonly inodeTable: number;
  readonly isNeverUsed: boolean;
}

/** One group's descriptor. @throws PvmcError `disk-invalid` */
export async function readGroup(
  region: Region,
  superblock: Superblock,
  group: number,
): Promise<Group> {
  const { descriptorBytes, is64Bit, blockBytes } = superblock;
  const perBlock = blockBytes / descriptorBytes;
  const block = descriptorBlock(superblock, Math.floor(group / perBlock));
  const at = block * blockBytes + (group % perBlock) * descriptorBytes;
  const bytes = await region.read(at, descriptorBytes);
  const number = (low: number, high: number) =>
    bytes.readUInt32LE(low) + (is64Bit ? bytes.readUInt32LE(high) * 2 ** 32 : 0);
  return {
    blockBitmap: number(0, 32),
    inodeBitmap: number(4, 36),
    inodeTable: number(8, 40),
    isNeverUsed: (bytes.readUInt16LE(18) & BLOCKS_NEVER_USED) !== 0,
  };
}

/** Where a block full of group descriptors is. */
function descriptorBlock(superblock: Superblock, index: number): number {
  const { firstBlock, firstMetaGroup, blockBytes, descriptorBytes } = superblock;
  if (index < firstMetaGroup) return firstBlock + 1 + index;
  const group = (index * blockBytes) / descriptorBytes;
  const copy = superblock.hasSuperblock(group) ? 1 : 0;
  return firstBlock + group * superblock.blocksPerGroup + copy;
}

/** How many blocks at a group's beginning hold copies of the superblock and of the descriptors. */
export function copiesAt(superblock: Superblock, group: number): number {
  const { groups, descriptorBytes, blockBytes, firstMetaGroup } = superblock;
  const perBlock = blockBytes / descriptorBytes;
  const copy = superblock.hasSuperblock(group) ? 1 : 0;
  if (Math.floor(group / perBlock) >= firstMetaGroup) {
    // The first, the second and the last group of those that share a block of descriptors have it.
    return copy + ([0, 1, perBlock - 1].includes(group % perBlock) ? 1 : 0);
  }
  const descriptors = Math.min(Math.ceil(groups / perBlock), firstMetaGroup);
  return copy * (1 + descriptors + superblock.reservedDescriptorBlocks);
}
