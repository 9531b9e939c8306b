/**
 * Writes an OVA in one pass over the disk. Descriptor and digests stand before the disk but tell its size
 * and digest, which are known only behind it: so their place, whose size does not depend on that, is left
 * free, the disk is written to where it stays, and they are filled in at the end. There is never a second
 * copy of the disk.
 */
import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { encodeDigests } from './mf.ts';
import { BLOCK_BYTES, blocksOf, checkMember, END_BYTES, encodeMember } from './ustar.ts';

export interface OvaParts {
  /** Without its ending; all members have it in common. */
  readonly baseName: string;
  /** Seconds since 1970: every member's time. */
  readonly sourceDateEpoch: number;
  /**
   * The descriptor for a disk file of this size, asked for before the disk is written and once more behind
   * it. Between the two only numbers may change, and none may get longer.
   */
  readonly descriptor: (diskFile: { readonly name: string; readonly sizeBytes: number }) => string;
  /** The disk file, piece by piece. */
  readonly disk: AsyncIterable<Uint8Array>;
}

const LARGEST_SIZE = Number.MAX_SAFE_INTEGER;
const ANY_SHA256 = '0'.repeat(64);

export interface OvaNames {
  readonly descriptor: string;
  readonly digests: string;
  readonly disk: string;
}

export function ovaNames(baseName: string): OvaNames {
  return {
    descriptor: `${baseName}.ovf`,
    digests: `${baseName}.mf`,
    disk: `${baseName}-disk1.vmdk`,
  };
}

/** Writes the whole OVA into an empty file. */
export async function writeOva(file: FileHandle, parts: OvaParts): Promise<void> {
  const names = ovaNames(parts.baseName);
  for (const name of Object.values(names)) checkMember({ name, sizeBytes: 0 });
  const descriptorBlocks = blocksOf(
    Buffer.byteLength(parts.descriptor({ name: names.disk, sizeBytes: LARGEST_SIZE })),
  );
  const digestBlocks = blocksOf(Buffer.byteLength(digestText(names, ANY_SHA256, ANY_SHA256)));
  const diskStart = (1 + descriptorBlocks + 1 + digestBlocks + 1) * BLOCK_BYTES;

  const disk = await writeDisk(file, parts.disk, diskStart);
  checkMember({ name: names.disk, sizeBytes: disk.sizeBytes });
  await writeAll(file, endOf(disk.sizeBytes), diskStart + disk.sizeBytes);

  const { sizeBytes } = disk;
  const descriptor = fill(
    Buffer.from(parts.descriptor({ name: names.disk, sizeBytes })),
    descriptorBlocks,
  );
  const digests = Buffer.from(digestText(names, sha256(descriptor), disk.sha256));
  const time = parts.sourceDateEpoch;
  const head = Buffer.concat([
    encodeMember({ name: names.descriptor, sizeBytes: descriptor.length }, time),
    padded(descriptor),
    encodeMember({ name: names.digests, sizeBytes: digests.length }, time),
    padded(digests),
    encodeMember({ name: names.disk, sizeBytes }, time),
  ]);
  if (head.length !== diskStart) throw new RangeError('the place left free has another size');
  await writeAll(file, head, 0);
}

/** The text of the digests; its length depends on the names alone. */
function digestText(names: OvaNames, descriptor: string, disk: string): string {
  return encodeDigests([
    { name: names.descriptor, sha256: descriptor },
    { name: names.disk, sha256: disk },
  ]);
}

async function writeDisk(file: FileHandle, disk: AsyncIterable<Uint8Array>, start: number) {
  const hash = createHash('sha256');
  let sizeBytes = 0;
  for await (const piece of disk) {
    hash.update(piece);
    await writeAll(file, piece, start + sizeBytes);
    sizeBytes += piece.length;
  }
  return { sizeBytes, sha256: hash.digest('hex') };
}

/** Padding of the last member, and two empty blocks. */
function endOf(diskBytes: number): Buffer {
  return Buffer.alloc(blocksOf(diskBytes) * BLOCK_BYTES - diskBytes + END_BYTES);
}

async function writeAll(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, position + done);
    done += bytesWritten;
  }
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
