/** Extended attributes, in the inode and in a block of their own: access lists, capabilities, inline data. */
import { counted } from '../../system/counted.ts';
import { diskBroken, type Region } from '../byte-source.ts';
import { nameOf } from '../file-system.ts';
import type { Inode } from './inode.ts';
import type { Superblock } from './superblock.ts';

const MAGIC = 0xea02_0000;
const BLOCK_HEADER_BYTES = 32;
const ENTRY_BYTES = 16;
/** What a number stands for instead of the beginning of a name. */
const PREFIXES: Readonly<Record<number, string>> = {
  1: 'user.',
  2: 'system.posix_acl_access',
  3: 'system.posix_acl_default',
  4: 'trusted.',
  6: 'security.',
  7: 'system.',
  8: 'system.richacl',
};
/** The part of a file that is in its inode and does not fit where block numbers are. */
export const INLINE_DATA = 'system.data';

/** By name. @throws PvmcError `disk-invalid` */
export async function attributesOf(
  region: Region,
  superblock: Superblock,
  inode: Inode,
): Promise<ReadonlyMap<string, Buffer>> {
  const found = new Map<string, Buffer>();
  const { inside, attributesBlock } = inode;
  if (inside.length >= 4 && inside.readUInt32LE(0) === MAGIC) {
    collect({ entries: inside.subarray(4), values: inside.subarray(4), region, inode }, found);
  }
  if (attributesBlock === 0) return found;
  const { blockBytes } = superblock;
  const block = await region.read(attributesBlock * blockBytes, blockBytes);
  if (block.readUInt32LE(0) !== MAGIC) throw wrong(region, inode);
  collect({ entries: block.subarray(BLOCK_HEADER_BYTES), values: block, region, inode }, found);
  return found;
}

interface AttributeList {
  readonly entries: Buffer;
  /** What the places of values are counted from. */
  readonly values: Buffer;
  readonly region: Region;
  readonly inode: Inode;
}

function collect({ entries, values, region, inode }: AttributeList, found: Map<string, Buffer>) {
  for (let at = 0; at + 4 <= entries.length && entries.readUInt32LE(at) !== 0; ) {
    if (at + ENTRY_BYTES > entries.length) throw wrong(region, inode);
    const nameBytes = entries.readUInt8(at);
    const prefix = PREFIXES[entries.readUInt8(at + 1)] ?? `${entries.readUInt8(at + 1)}.`;
    const start = entries.readUInt16LE(at + 2);
    const elsewhere = entries.readUInt32LE(at + 4);
    const length = entries.readUInt32LE(at + 8);
    const end = at + ENTRY_BYTES + nameBytes;
    if (end > entries.length) throw wrong(region, inode);
    const name = prefix + nameOf(entries.subarray(at + ENTRY_BYTES, end));
    if (elsewhere === 0) {
      if (start + length > values.length) throw wrong(region, inode);
      found.set(name, Buffer.from(values.subarray(start, start + length)));
    } else {
      // In an inode of its own, of 64 KiB at most: that it is another one shows in the number.
      found.set(name, Buffer.from(`inode ${elsewhere}, ${counted(length, 'byte')}`));
    }
    at = Math.ceil(end / 4) * 4;
  }
}

function wrong(region: Region, { number }: Inode): Error {
  return diskBroken(region.called, `the extended attributes of inode ${number} are none`);
}
