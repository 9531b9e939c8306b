/** Inodes: what a file is, and where its content lies. */
import { diskBroken, type Region } from '../byte-source.ts';
import { readGroup, type Superblock } from './superblock.ts';

/** Before what larger inodes have besides. */
export const SMALL_INODE_BYTES = 128;

export const INODE_FLAGS = {
  extents: 0x8_0000,
  encrypted: 0x800,
  inline: 0x1000_0000,
  /** Blocks are counted in file system blocks instead of sectors. */
  hugeFile: 0x4_0000,
} as const;

export interface Inode {
  readonly number: number;
  /** The file's type and its permission bits. */
  readonly mode: number;
  readonly userId: number;
  readonly groupId: number;
  readonly sizeBytes: number;
  readonly usedBytes: number;
  readonly modifiedSeconds: number;
  readonly links: number;
  readonly flags: number;
  /** 60 bytes: the root of the extents, block numbers, a short link's target, or the content itself. */
  readonly block: Buffer;
  /** Where more extended attributes are; 0 for nowhere. */
  readonly attributesBlock: number;
  /** Behind the inode's own fields: extended attributes. */
  readonly inside: Buffer;
}

/** @throws PvmcError `disk-invalid` */
export async function readInode(
  region: Region,
  superblock: Superblock,
  number: number,
): Promise<Inode> {
  const { inodes, inodesPerGroup, inodeBytes, blockBytes, groups } = superblock;
  const group = Math.floor((number - 1) / inodesPerGroup);
  if (number < 1 || number > inodes || group >= groups) {
    throw diskBroken(region.called, `a name leads to inode ${number}, and there are ${inodes}`);
  }
  const { inodeTable } = await readGroup(region, superblock, group);
  const index = (number - 1) % inodesPerGroup;
  const bytes = await region.read(inodeTable * blockBytes + index * inodeBytes, inodeBytes);
  return decode(number, bytes, blockBytes);
}

function decode(number: number, bytes: Buffer, blockBytes: number): Inode {
  const mode = bytes.readUInt16LE(0);
  const flags = bytes.readUInt32LE(32);
  const extra = bytes.length > SMALL_INODE_BYTES ? bytes.readUInt16LE(128) : 0;
  const fields = Math.min(SMALL_INODE_BYTES + extra, bytes.length);
  const units = bytes.readUInt32LE(28) + bytes.readUInt16LE(116) * 2 ** 32;
  // Seconds before 1970 are negative; two more bits count on beyond 2038.
  const epoch = fields >= 140 ? bytes.readUInt32LE(136) & 3 : 0;
  return {
    number,
    mode,
    userId: bytes.readUInt16LE(2) + bytes.readUInt16LE(120) * 2 ** 16,
    groupId: bytes.readUInt16LE(24) + bytes.readUInt16LE(122) * 2 ** 16,
    sizeBytes: bytes.readUInt32LE(4) + bytes.readUInt32LE(108) * 2 ** 32,
    usedBytes: units * ((flags & INODE_FLAGS.hugeFile) === 0 ? 512 : blockBytes),
    modifiedSeconds: bytes.readInt32LE(16) + epoch * 2 ** 32,
    links: bytes.readUInt16LE(26),
    flags,
    // The page that they are read from is not kept for their sake.
    block: Buffer.from(bytes.subarray(40, 100)),
    attributesBlock: bytes.readUInt32LE(104) + bytes.readUInt16LE(118) * 2 ** 32,
    inside: Buffer.from(bytes.subarray(fields)),
  };
}
