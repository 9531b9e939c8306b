/**
 * Writes a qcow2 image (version 3, which `qemu-img` calls compat 1.1) in one pass. Each cluster of 64 KiB
 * that is not all zeros is stored compressed, or as it is where that would not save anything; what is zero is
 * not stored at all. The format is that of QEMU's docs/interop/qcow2; no incompatible feature is used, so
 * that every QEMU since 1.1 reads it, and whoever inspects images before taking them finds nothing to refuse.
 */
import type { DiskPiece, DiskShape } from '../disk-pieces.ts';
import { checkSize } from '../image-file.ts';
import { type PlacedFile, writeWhole } from '../write-whole.ts';
import { CLUSTER_BYTES, ClusterSpace } from './cluster-space.ts';

const CLUSTER_BITS = 16;
/** Entries of a second-level table, which takes one cluster. */
const TABLE_ENTRIES = CLUSTER_BYTES / 8;
/** What one of them describes: 512 MiB. */
const TABLE_SPAN_BYTES = TABLE_ENTRIES * CLUSTER_BYTES;
/** Version 3 without the fields that came later. */
const HEADER_BYTES = 104;
/** Counts of 2^4 bits. */
const COUNT_ORDER = 4;
const MAGIC = 0x51_46_49_fb;
/** The only reference to its cluster, which may be written in place. */
const COPIED = 1n << 63n;
const COMPRESSED = 1n << 62n;
/** Above the place of compressed data, how many sectors follow its first one: 62 - (CLUSTER_BITS - 8). */
const SECTORS_SHIFT = 54n;
const SECTOR_BYTES = 512;
/** Far more than importers take; the tables below are sized by the disk. */
const MOST_BYTES = 64 * 2 ** 40;

/** @param file empty; `disk.pieces` with `deflatedSmall`. @throws PvmcError `export-too-large` */
export async function writeQcow2(file: PlacedFile, disk: DiskShape): Promise<void> {
  checkSize(disk.sizeBytes, { format: 'our qcow2', mostBytes: MOST_BYTES, instead: 'raw' });
  const writer = new Qcow2Writer(file, disk.sizeBytes);
  for await (const piece of disk.pieces) await writer.add(piece);
  await writer.finish();
}

/** A place in the file and what is to be there. */
interface Put {
  readonly at: number;
  readonly bytes: Buffer;
}

class Qcow2Writer {
  readonly #file: PlacedFile;
  readonly #sizeBytes: number;
  readonly #space: ClusterSpace;
  readonly #directory: Buffer;
  readonly #directoryAt: number;
  readonly #countsAt: number;
  /** The second-level table that clusters are being entered into. */
  #table = Buffer.alloc(CLUSTER_BYTES);
  #tableIndex: number | undefined;

  constructor(file: PlacedFile, sizeBytes: number) {
    this.#file = file;
    this.#sizeBytes = sizeBytes;
    const tables = Math.ceil(sizeBytes / TABLE_SPAN_BYTES);
    this.#directory = Buffer.alloc(Math.ceil(tables / TABLE_ENTRIES) * CLUSTER_BYTES);
    const data = Math.ceil(sizeBytes / CLUSTER_BYTES);
    // Compressed data may leave a part of a cluster unused before each table or uncompressed cluster.
    this.#space = new ClusterSpace(file, 2 * data + 2 * tables + 1024);
    this.#space.takeClusters(1);
    this.#countsAt = this.#space.takeClusters(this.#space.table.length / CLUSTER_BYTES);
    this.#directoryAt = this.#space.takeClusters(this.#directory.length / CLUSTER_BYTES);
  }

  async add(piece: DiskPiece): Promise<void> {
    const index = Math.floor(piece.start / TABLE_SPAN_BYTES);
    if (index !== this.#tableIndex) {
      await this.#finishTable();
      this.#tableIndex = index;
    }
    const firstEntry = (piece.start % TABLE_SPAN_BYTES) / CLUSTER_BYTES;
    const puts: Put[] = [];
    for (const [grain, isZero] of piece.isZero.entries()) {
      if (isZero) continue;
      const { entry, put } = this.#store(piece, grain);
      this.#table.writeBigUInt64BE(entry, (firstEntry + grain) * 8);
      puts.push(put);
    }
    await this.#write(puts);
    await this.#space.writeFullBlocks();
  }

  async finish(): Promise<void> {
    await this.#finishTable();
    await this.#space.finish();
    await writeWhole(this.#file, this.#directory, this.#directoryAt);
    await writeWhole(this.#file, this.#space.table, this.#countsAt);
    await writeWhole(this.#file, this.#header(), 0);
    // What the last compressed data has left of its cluster belongs to the file.
    await this.#file.truncate(this.#space.sizeBytes);
  }

  #store(piece: DiskPiece, grain: number): { readonly entry: bigint; readonly put: Put } {
    const packed = piece.deflatedSmall[grain];
    if (!packed || packed.length >= CLUSTER_BYTES) {
      const at = this.#space.takeClusters(1);
      const from = grain * CLUSTER_BYTES;
      const bytes = piece.bytes.subarray(from, from + CLUSTER_BYTES);
      return { entry: COPIED | BigInt(at), put: { at, bytes } };
    }
    const at = this.#space.takeBytes(packed.length);
    const further =
      Math.floor((at + packed.length - 1) / SECTOR_BYTES) - Math.floor(at / SECTOR_BYTES);
    const entry = COMPRESSED | (BigInt(further) << SECTORS_SHIFT) | BigInt(at);
    return { entry, put: { at, bytes: packed } };
  }

  /** Joins what follows each other: compressed clusters are small. */
  async #write(puts: readonly Put[]): Promise<void> {
    for (let first = 0; first < puts.length; ) {
      const at = puts[first]?.at ?? 0;
      const joined: Buffer[] = [];
      let end = at;
      for (let put = puts[first]; put?.at === end; put = puts[first]) {
        joined.push(put.bytes);
        end += put.bytes.length;
        first += 1;
      }
      await writeWhole(this.#file, Buffer.concat(joined), at);
    }
  }

  async #finishTable(): Promise<void> {
    if (this.#tableIndex === undefined) return;
    const at = this.#space.takeClusters(1);
    await writeWhole(this.#file, this.#table, at);
    this.#directory.writeBigUInt64BE(COPIED | BigInt(at), this.#tableIndex * 8);
    this.#table.fill(0);
  }

  #header(): Buffer {
    // Behind it an extension of type 0, which ends the list of extensions.
    const bytes = Buffer.alloc(HEADER_BYTES + 8);
    bytes.writeUInt32BE(MAGIC, 0);
    bytes.writeUInt32BE(3, 4);
    // No backing file: 0 at 8 and 16. Not encrypted: 0 at 32.
    bytes.writeUInt32BE(CLUSTER_BITS, 20);
    bytes.writeBigUInt64BE(BigInt(this.#sizeBytes), 24);
    bytes.writeUInt32BE(Math.ceil(this.#sizeBytes / TABLE_SPAN_BYTES), 36);
    bytes.writeBigUInt64BE(BigInt(this.#directoryAt), 40);
    bytes.writeBigUInt64BE(BigInt(this.#countsAt), 48);
    bytes.writeUInt32BE(this.#space.table.length / CLUSTER_BYTES, 56);
    // No snapshots: 0 at 60 and 64. No features of any kind: 0 at 72, 80 and 88.
    bytes.writeUInt32BE(COUNT_ORDER, 96);
    bytes.writeUInt32BE(HEADER_BYTES, 100);
    return bytes;
  }
}
