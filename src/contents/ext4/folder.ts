/**
 * The names of a folder. Those with an index (htree) can be read like those without: the index hides behind
 * entries without a name.
 */
import { counted } from '../../system/counted.ts';
import { type ByteSource, diskBroken } from '../byte-source.ts';
import { nameOf } from '../file-system.ts';

const HEADER_BYTES = 8;
/** A million long names. */
const LARGEST_FOLDER_BYTES = 2 ** 29;

export interface Name {
  readonly name: string;
  readonly inode: number;
}

export interface FolderContent {
  readonly content: ByteSource;
  /** Blocks, each of which is a list; the parts of a folder that is in its inode. */
  readonly blockBytes: number;
  /** What messages call its file system. */
  readonly called: string;
}

/** Without `.` and `..`. @throws PvmcError `disk-invalid` */
export async function* namesIn(folder: FolderContent): AsyncGenerator<Name> {
  const { content, blockBytes, called } = folder;
  if (content.sizeBytes > LARGEST_FOLDER_BYTES) {
    throw diskBroken(called, `a folder has ${counted(content.sizeBytes, 'byte')}`);
  }
  for (let at = 0; at < content.sizeBytes; at += blockBytes) {
    const block = await content.read(at, Math.min(blockBytes, content.sizeBytes - at));
    // Its page may be forgotten while the names are looked at: no matter, it is not written to.
    yield* namesOf(block, called);
  }
}

export function* namesOf(block: Buffer, called: string): Generator<Name> {
  for (let at = 0; at + HEADER_BYTES <= block.length; ) {
    const inode = block.readUInt32LE(at);
    const told = block.readUInt16LE(at + 4);
    // Of blocks of 64 KiB, which 16 bits do not count.
    const length = told === 0xffff || told === 0 ? 2 ** 16 : told;
    const nameBytes = block.readUInt8(at + 6);
    const isHole = inode === 0 && told === 0 && block.every((byte) => byte === 0);
    if (isHole) return;
    const end = at + HEADER_BYTES + nameBytes;
    if (
      length < HEADER_BYTES ||
      length % 4 !== 0 ||
      at + length > block.length ||
      end > at + length
    ) {
      throw diskBroken(called, 'a folder has an entry that is none');
    }
    const bytes = block.subarray(at + HEADER_BYTES, end);
    at += length;
    if (inode === 0) continue;
    if (nameBytes === 0 || bytes.includes(0) || bytes.includes(0x2f)) {
      throw diskBroken(called, 'a folder has a name that none can have');
    }
    const name = nameOf(bytes);
    if (name !== '.' && name !== '..') yield { name, inode };
  }
}
