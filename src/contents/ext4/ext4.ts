/** An ext2, ext3 or ext4 file system, looked at as it lies on the disk: without mounting, without root. */
import {
  type ByteSource,
  bytesSource,
  diskBroken,
  type Region,
  type Run,
  RunsSource,
} from '../byte-source.ts';
import {
  type FileEntry,
  type FileSystem,
  type FileType,
  LONGEST_PATH,
  MOST_ENTRIES,
  nameOf,
} from '../file-system.ts';
import { attributesOf, INLINE_DATA } from './attributes.ts';
import { type Name, namesIn, namesOf } from './folder.ts';
import { INODE_FLAGS, type Inode, readInode } from './inode.ts';
import { runsOf } from './runs.ts';
import { readSuperblock, type Superblock } from './superblock.ts';

const ROOT_INODE = 2;
const TYPES: Readonly<Record<number, FileType>> = {
  0x1: 'pipe',
  0x2: 'character device',
  0x4: 'folder',
  0x6: 'block device',
  0x8: 'file',
  0xa: 'link',
  0xc: 'socket',
};
/** In a folder within its inode: the number of the folder that it is in. */
const PARENT_BYTES = 4;

/** Undefined when there is none. @throws PvmcError `disk-invalid` */
export async function openExt4(region: Region): Promise<Ext4 | undefined> {
  const superblock = await readSuperblock(region);
  return superblock && new Ext4(region, superblock);
}

export class Ext4 implements FileSystem {
  readonly kind = 'ext';
  readonly region: Region;
  readonly superblock: Superblock;

  constructor(region: Region, superblock: Superblock) {
    this.region = region;
    this.superblock = superblock;
  }

  get name(): string {
    const { hasExtents, is64Bit, hasJournal } = this.superblock;
    if (hasExtents || is64Bit) return 'ext4';
    return hasJournal ? 'ext3' : 'ext2';
  }

  get label(): string {
    return this.superblock.label;
  }

  get id(): string {
    return this.superblock.uuid;
  }

  get sizeBytes(): number {
    return this.superblock.blocks * this.superblock.blockBytes;
  }

  get freeBytes(): number {
    return this.superblock.freeBlocks * this.superblock.blockBytes;
  }

  async *entries(signal: AbortSignal): AsyncGenerator<FileEntry> {
    const waiting = [{ path: '', inode: await this.#inode(ROOT_INODE) }];
    const seen = new Set([ROOT_INODE]);
    let count = 0;
    for (let folder = waiting.pop(); folder; folder = waiting.pop()) {
      for await (const { name, inode: number } of this.#names(folder.inode)) {
        signal.throwIfAborted();
        count += 1;
        if (count > MOST_ENTRIES) throw this.#broken(`it has more than ${MOST_ENTRIES} names`);
        const path = `${folder.path}/${name}`;
        if (path.length > LONGEST_PATH) throw this.#broken('its folders are too deep');
        const inode = await this.#inode(number);
        const entry = await this.#entry(path, inode);
        yield entry;
        if (entry.type !== 'folder') continue;
        if (seen.has(number)) throw this.#broken(`the folder of inode ${number} is in two places`);
        seen.add(number);
        waiting.push({ path, inode });
      }
    }
  }

  async content({ identity }: FileEntry): Promise<ByteSource> {
    return this.#content(await this.#inode(identity));
  }

  async runs({ identity }: FileEntry): Promise<readonly Run[]> {
    const inode = await this.#inode(identity);
    if ((inode.flags & INODE_FLAGS.inline) !== 0) return [];
    return runsOf(this.region, this.superblock, inode);
  }

  #inode(number: number): Promise<Inode> {
    return readInode(this.region, this.superblock, number);
  }

  async #content(inode: Inode): Promise<ByteSource> {
    const { sizeBytes } = inode;
    if ((inode.flags & INODE_FLAGS.inline) !== 0) {
      return bytesSource((await this.#inline(inode)).subarray(0, sizeBytes));
    }
    const runs = await runsOf(this.region, this.superblock, inode);
    return new RunsSource(this.region, runs, sizeBytes);
  }

  async *#names(inode: Inode): AsyncGenerator<Name> {
    const { called } = this.region;
    if ((inode.flags & INODE_FLAGS.inline) === 0) {
      const content = await this.#content(inode);
      yield* namesIn({ content, blockBytes: this.superblock.blockBytes, called });
      return;
    }
    const attributes = await attributesOf(this.region, this.superblock, inode);
    yield* namesOf(inode.block.subarray(PARENT_BYTES), called);
    yield* namesOf(attributes.get(INLINE_DATA) ?? Buffer.alloc(0), called);
  }

  /** What stands in the inode itself, where others have block numbers, and behind it. */
  async #inline(inode: Inode): Promise<Buffer> {
    const attributes = await attributesOf(this.region, this.superblock, inode);
    const whole = Buffer.concat([inode.block, attributes.get(INLINE_DATA) ?? Buffer.alloc(0)]);
    if (whole.length >= inode.sizeBytes) return whole;
    throw this.#broken(`the file of inode ${inode.number} is shorter than it says`);
  }

  async #entry(path: string, inode: Inode): Promise<FileEntry> {
    const type = TYPES[inode.mode >>> 12];
    if (type === undefined) throw this.#broken(`inode ${inode.number} is of no type`);
    const attributes = await attributesOf(this.region, this.superblock, inode);
    return {
      path,
      type,
      identity: inode.number,
      mode: inode.mode & 0o7777,
      owner: `${inode.userId}:${inode.groupId}`,
      sizeBytes: type === 'file' ? inode.sizeBytes : 0,
      usedBytes: inode.usedBytes,
      modifiedSeconds: inode.modifiedSeconds,
      ...(type === 'link' ? { target: await this.#target(inode) } : {}),
      ...(type.endsWith('device') ? { device: deviceOf(inode.block) } : {}),
      attributes: Object.fromEntries(
        [...attributes]
          .filter(([name]) => name !== INLINE_DATA)
          .map(([name, value]) => [name, value.toString('hex')]),
      ),
    };
  }

  async #target(inode: Inode): Promise<string> {
    const { sizeBytes } = inode;
    if (sizeBytes > LONGEST_PATH)
      throw this.#broken(`the link of inode ${inode.number} is too long`);
    const isShort = sizeBytes < inode.block.length && (inode.flags & INODE_FLAGS.inline) === 0;
    if (isShort) return nameOf(inode.block.subarray(0, sizeBytes));
    return nameOf(await (await this.#content(inode)).read(0, sizeBytes));
  }

  #broken(what: string): Error {
    return diskBroken(this.region.called, what);
  }
}

/** The old form of 8 + 8 bits, or the new one of 12 + 20. */
function deviceOf(block: Buffer): string {
  const old = block.readUInt32LE(0);
  if (old !== 0) return `${(old >>> 8) & 0xff}:${old & 0xff}`;
  const number = block.readUInt32LE(4);
  return `${(number >>> 8) & 0xfff}:${(number & 0xff) | ((number >>> 12) & 0xf_ff00)}`;
}
