/**
 * Where the content of a file lies: along its tree of extents, or for ext2 and ext3 along its lists of
 * block numbers. A hostile tree may lead in circles or tell of more blocks than there are; each step has to
 * go on in the file, and no file has more blocks than its file system.
 */
import { diskBroken, type Region, type Run } from '../byte-source.ts';
import { INODE_FLAGS, type Inode } from './inode.ts';
import type { Superblock } from './superblock.ts';

const EXTENT_MAGIC = 0xf30a;
const ENTRY_BYTES = 12;
/** Linux makes none that are deeper. */
const DEEPEST = 5;
/** A longer one is room that was reserved and reads as zeros. */
const LONGEST_WRITTEN = 2 ** 15;
/** Entries of an inode that are block numbers themselves; then three that lead to lists of them. */
const DIRECT = 12;

/** The runs in order. @throws PvmcError `disk-invalid` */
export async function runsOf(
  region: Region,
  superblock: Superblock,
  inode: Inode,
): Promise<readonly Run[]> {
  const collector = new RunCollector(region, superblock, inode);
  if ((inode.flags & INODE_FLAGS.extents) === 0) await walkLists(collector);
  else await walkExtents(collector, inode.block, undefined);
  return collector.runs;
}

class RunCollector {
  readonly runs: Run[] = [];
  readonly region: Region;
  readonly superblock: Superblock;
  readonly inode: Inode;
  /** The first block of the file that is not told of yet. */
  next = 0;
  #left: number;

  constructor(region: Region, superblock: Superblock, inode: Inode) {
    this.region = region;
    this.superblock = superblock;
    this.inode = inode;
    this.#left = superblock.blocks;
  }

  add(at: number, block: number, count: number): void {
    const { blockBytes, blocks, firstBlock } = this.superblock;
    if (at < this.next) throw this.broken('has its extents in no order');
    if (block < firstBlock || block + count > blocks) {
      throw this.broken(`leads to block ${block}, and there are ${blocks}`);
    }
    this.spend(count);
    this.next = at + count;
    const run = {
      at: at * blockBytes,
      from: block * blockBytes,
      lengthBytes: count * blockBytes,
    };
    const last = this.runs.at(-1);
    const goesOn =
      last !== undefined &&
      last.at + last.lengthBytes === run.at &&
      last.from + last.lengthBytes === run.from;
    if (goesOn) {
      this.runs[this.runs.length - 1] = {
        ...last,
        lengthBytes: last.lengthBytes + run.lengthBytes,
      };
    } else this.runs.push(run);
  }

  /** Blocks of the file and of the lists that lead to them. */
  spend(blocks: number): void {
    this.#left -= blocks;
    if (this.#left < 0) throw this.broken('has more blocks than its file system');
  }

  readBlock(block: number): Promise<Buffer> {
    const { blockBytes, blocks } = this.superblock;
    this.spend(1);
    if (block >= blocks) throw this.broken(`leads to block ${block}, and there are ${blocks}`);
    return this.region.read(block * blockBytes, blockBytes);
  }

  broken(what: string): Error {
    return diskBroken(this.region.called, `the file of inode ${this.inode.number} ${what}`);
  }
}

/** @param depth how many levels are below this node; undefined for the root, which says it */
async function walkExtents(
  collector: RunCollector,
  node: Buffer,
  depth: number | undefined,
): Promise<void> {
  const entries = node.readUInt16LE(2);
  const levels = node.readUInt16LE(6);
  const isSound =
    node.readUInt16LE(0) === EXTENT_MAGIC &&
    levels <= DEEPEST &&
    (depth === undefined || levels === depth) &&
    (entries + 1) * ENTRY_BYTES <= node.length &&
    // Only the root of an empty file has none.
    (entries > 0 || depth === undefined);
  if (!isSound) throw collector.broken('has a tree of extents that is none');
  for (let index = 1; index <= entries; index += 1) {
    const at = index * ENTRY_BYTES;
    const first = node.readUInt32LE(at);
    if (levels > 0) {
      if (first < collector.next) throw collector.broken('has its extents in no order');
      const block = node.readUInt32LE(at + 4) + node.readUInt16LE(at + 8) * 2 ** 32;
      await walkExtents(collector, Buffer.from(await collector.readBlock(block)), levels - 1);
      continue;
    }
    const length = node.readUInt16LE(at + 4);
    const block = node.readUInt32LE(at + 8) + node.readUInt16LE(at + 6) * 2 ** 32;
    if (length > 0 && length <= LONGEST_WRITTEN) collector.add(first, block, length);
    else if (first < collector.next) throw collector.broken('has its extents in no order');
    else collector.next = first + Math.max(length - LONGEST_WRITTEN, 1);
  }
}

async function walkLists(collector: RunCollector): Promise<void> {
  const { inode, superblock } = collector;
  const blocks = Math.ceil(inode.sizeBytes / superblock.blockBytes);
  const perBlock = superblock.blockBytes / 4;
  for (let index = 0; index < DIRECT; index += 1) {
    const block = inode.block.readUInt32LE(index * 4);
    if (block !== 0 && index < blocks) collector.add(index, block, 1);
  }
  let first = DIRECT;
  for (let level = 1; level <= 3; level += 1) {
    const block = inode.block.readUInt32LE((DIRECT + level - 1) * 4);
    if (first < blocks && block !== 0) await walkList(collector, block, { level, first, blocks });
    first += perBlock ** level;
  }
}

interface ListPlace {
  readonly level: number;
  /** The file's block that the list begins with. */
  readonly first: number;
  /** Of the file. */
  readonly blocks: number;
}

async function walkList(
  collector: RunCollector,
  list: number,
  { level, first, blocks }: ListPlace,
): Promise<void> {
  const numbers = Buffer.from(await collector.readBlock(list));
  const each = (numbers.length / 4) ** (level - 1);
  for (let index = 0; index * 4 < numbers.length; index += 1) {
    const block = numbers.readUInt32LE(index * 4);
    const at = first + index * each;
    if (at >= blocks) return;
    if (block === 0) continue;
    if (level === 1) collector.add(at, block, 1);
    else await walkList(collector, block, { level: level - 1, first: at, blocks });
  }
}
