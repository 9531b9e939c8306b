/**
 * Writes an OVA in one pass over its disks. Descriptor and digests stand before the disks but tell their sizes
 * and digests, which are known only behind them: so their place, whose size does not depend on that, is left
 * free, the disks are written to where they stay, and the rest is filled in at the end. There is never a
 * second copy of a disk.
 */
import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { writeWhole } from '../write-whole.ts';
import { encodeDigests, type FileDigest } from './mf.ts';
import {
  BLOCK_BYTES,
  blocksOf,
  checkMember,
  END_BYTES,
  encodeMember,
  type MemberFacts,
} from './ustar.ts';

export interface OvaParts {
  readonly names: { readonly descriptor: string; readonly digests: string };
  /** Seconds since 1970: every member's time. */
  readonly sourceDateEpoch: number;
  /**
   * The descriptor for files of these sizes, asked for before they are written and once more behind them.
   * Between the two only numbers may change, and none may get longer.
   */
  readonly descriptor: (files: readonly MemberFacts[]) => string | Uint8Array;
  /** The disks and whatever else the descriptor names, in its order. */
  readonly files: readonly OvaPart[];
  /** What stands behind the descriptor in place of new digests, where all others are what they were. */
  readonly kept?: readonly { readonly name: string; readonly bytes: Buffer }[] | undefined;
  /** What stands behind new digests, and is made when they are known. */
  readonly signature?: OvaSignature | undefined;
}

export interface OvaSignature {
  readonly name: string;
  /** Of any that there can be; one that is shorter is filled up with line feeds. */
  readonly longestBytes: number;
  readonly sign: (digests: Buffer) => Promise<Buffer>;
}

export interface OvaPart {
  readonly name: string;
  /** Piece by piece. */
  readonly content: AsyncIterable<Uint8Array>;
}

const LARGEST_SIZE = Number.MAX_SAFE_INTEGER;
const ANY_SHA256 = '0'.repeat(64);

/** Of an OVA with one disk; all members have the name without its ending in common. */
export function ovaNames(baseName: string) {
  return {
    descriptor: `${baseName}.ovf`,
    digests: `${baseName}.mf`,
    disk: `${baseName}-disk1.vmdk`,
  };
}

/** Writes the whole OVA into an empty file. */
export async function writeOva(file: FileHandle, parts: OvaParts): Promise<void> {
  const { names, sourceDateEpoch: time, kept } = parts;
  const all = [names.descriptor, names.digests, ...parts.files.map(({ name }) => name)];
  for (const name of all) checkMember({ name, sizeBytes: 0 });
  const descriptorBlocks = blocksOf(
    Buffer.from(
      parts.descriptor(parts.files.map(({ name }) => ({ name, sizeBytes: LARGEST_SIZE }))),
    ).length,
  );
  const behind = kept ?? placesBehind(parts, all.length);
  const headBlocks = behind.reduce(
    (blocks, { bytes }) => blocks + 1 + blocksOf(bytes.length),
    1 + descriptorBlocks,
  );

  let position = headBlocks * BLOCK_BYTES;
  const written: WrittenFile[] = [];
  for (const part of parts.files) {
    const done = await writePart(file, part, { position, time });
    written.push(done);
    position += (1 + blocksOf(done.sizeBytes)) * BLOCK_BYTES;
  }
  await writeWhole(file, Buffer.alloc(END_BYTES), position);

  const descriptor = fill(Buffer.from(parts.descriptor(written)), descriptorBlocks);
  const sha256s = [sha256(descriptor), ...written.map((one) => one.sha256)];
  const told = kept ?? (await digestsAndSignature(parts, sha256s));
  const head = [{ name: names.descriptor, bytes: descriptor }, ...told].flatMap(
    ({ name, bytes }) => [encodeMember({ name, sizeBytes: bytes.length }, time), padded(bytes)],
  );
  const bytes = Buffer.concat(head);
  if (bytes.length !== headBlocks * BLOCK_BYTES)
    throw new RangeError('the place left free has another size');
  await writeWhole(file, bytes, 0);
}

/** As large as what will stand there. */
function placesBehind(parts: OvaParts, count: number) {
  const { names, signature } = parts;
  const sha256s = Array.from({ length: count }, () => ANY_SHA256);
  const digests = { name: names.digests, bytes: digestText(parts, sha256s) };
  if (!signature) return [digests];
  return [digests, { name: signature.name, bytes: Buffer.alloc(signature.longestBytes) }];
}

async function digestsAndSignature(parts: OvaParts, sha256s: readonly string[]) {
  const { names, signature } = parts;
  const digests = { name: names.digests, bytes: digestText(parts, sha256s) };
  if (!signature) return [digests];
  const made = fill(await signature.sign(digests.bytes), blocksOf(signature.longestBytes));
  return [digests, { name: signature.name, bytes: made }];
}

/** The text of the digests; its length depends on the names alone. */
function digestText({ names, files }: OvaParts, sha256s: readonly string[]): Buffer {
  const all = [names.descriptor, ...files.map(({ name }) => name)];
  return Buffer.from(
    encodeDigests(all.map((name, index) => ({ name, sha256: sha256s[index] ?? '' }))),
  );
}

type WrittenFile = MemberFacts & FileDigest;

/** Writes a file's header, the file, and zeros up to the end of its last block. */
async function writePart(
  file: FileHandle,
  { name, content }: OvaPart,
  { position, time }: { readonly position: number; readonly time: number },
): Promise<WrittenFile> {
  const hash = createHash('sha256');
  const start = position + BLOCK_BYTES;
  let sizeBytes = 0;
  for await (const piece of content) {
    hash.update(piece);
    await writeWhole(file, piece, start + sizeBytes);
    sizeBytes += piece.length;
  }
  checkMember({ name, sizeBytes });
  await writeWhole(
    file,
    Buffer.alloc(blocksOf(sizeBytes) * BLOCK_BYTES - sizeBytes),
    start + sizeBytes,
  );
  await writeWhole(file, encodeMember({ name, sizeBytes }, time), position);
  return { name, sizeBytes, sha256: hash.digest('hex') };
}

/** Makes a text fill its blocks: line feeds are added if its numbers came out shorter by a block. */
function fill(text: Buffer, blocks: number): Buffer {
  const least = (blocks - 1) * BLOCK_BYTES + 1;
  if (text.length >= least) return text;
  return Buffer.concat([text, Buffer.alloc(least - text.length, '\n')]);
}

function padded(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.alloc(blocksOf(bytes.length) * BLOCK_BYTES - bytes.length)]);
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
