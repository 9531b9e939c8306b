/**
 * Writes a streamOptimized VMDK in one pass: header and description, then the grains that hold data, each
 * run of 512 followed by its table, and at the end the directory of the tables, a footer and the
 * end-of-stream marker. qemu-img leaves the last two out, and importers that stream hang on it or hash
 * something else.
 */
import type { DiskPiece, DiskShape } from '../disk-pieces.ts';
import {
  type DiskIdentity,
  encodeDescriptor,
  encodeGrain,
  encodeHeader,
  encodeMarker,
  GRAIN_BYTES,
  GRAIN_HEADER_BYTES,
  GRAIN_SECTORS,
  OVERHEAD_SECTORS,
  SECTOR_BYTES,
  TABLE_BYTES,
  TABLE_ENTRIES,
  TABLE_SECTORS,
  writeGrain,
} from './format.ts';
import type { PackedGrain } from './grain-unpacker.ts';

export interface VmdkSource {
  /** Its pieces with `deflated`. */
  readonly disk: DiskShape;
  readonly identity: DiskIdentity;
  /**
   * Told after each piece how many bytes of the disk are stored: of grains that are not all zeros. The
   * image's extents depend on how the disk was written, this does not.
   */
  readonly onStored?: (storedBytes: number) => void;
}

/**
 * Yields the file piece by piece. A piece is valid until the next one is asked for, and nothing is
 * produced far ahead of what was taken: memory does not grow with the disk.
 */
export async function* streamOptimizedVmdk(source: VmdkSource): AsyncGenerator<Buffer> {
  const capacitySectors = Math.ceil(source.disk.sizeBytes / SECTOR_BYTES);
  const tables = new TableWriter(capacitySectors);
  yield preamble(source.identity, capacitySectors);
  let storedBytes = 0;
  for await (const piece of source.disk.pieces) {
    const firstGrain = piece.start / GRAIN_BYTES;
    const finished = tables.enter(firstGrain);
    if (finished) yield finished;
    const grainSectors = piece.deflated.map(sectorsOf);
    tables.addGrains(firstGrain, grainSectors);
    yield grainsOf(piece, grainSectors);
    storedBytes += piece.isZero.filter((isZero) => !isZero).length * GRAIN_BYTES;
    source.onStored?.(storedBytes);
  }
  const last = tables.finishTable();
  if (last) yield last;
  yield tables.directory();
}

/** What a grain takes with its header; nothing for zeros. */
function sectorsOf(packed: Buffer): number {
  return packed.length === 0 ? 0 : Math.ceil((GRAIN_HEADER_BYTES + packed.length) / SECTOR_BYTES);
}

function grainsOf(piece: DiskPiece, grainSectors: readonly number[]): Buffer {
  const sectors = grainSectors.reduce((sum, each) => sum + each, 0);
  const bytes = Buffer.alloc(sectors * SECTOR_BYTES);
  let at = 0;
  for (const [index, packed] of piece.deflated.entries()) {
    if (packed.length === 0) continue;
    writeGrain(bytes, at, {
      diskSector: piece.start / SECTOR_BYTES + index * GRAIN_SECTORS,
      packed,
    });
    at += (grainSectors[index] ?? 0) * SECTOR_BYTES;
  }
  return bytes;
}

export interface PackedDiskSource {
  readonly capacitySectors: number;
  readonly identity: DiskIdentity;
  /** In the order of the disk. */
  readonly grains: AsyncIterable<PackedGrain>;
}

/** The same of grains that are compressed already: they stay as they are, all around them is made anew. */
export async function* vmdkOfGrains(source: PackedDiskSource): AsyncGenerator<Buffer> {
  const { capacitySectors, identity, grains } = source;
  const tables = new TableWriter(capacitySectors);
  yield preamble(identity, capacitySectors);
  for await (const { diskSector, packed } of grains) {
    const grain = diskSector / GRAIN_SECTORS;
    const finished = tables.enter(grain);
    if (finished) yield finished;
    const bytes = encodeGrain(diskSector, packed);
    tables.addGrains(grain, [bytes.length / SECTOR_BYTES]);
    yield bytes;
  }
  const last = tables.finishTable();
  if (last) yield last;
  yield tables.directory();
}

/** All before the first grain. */
function preamble(identity: DiskIdentity, capacitySectors: number): Buffer {
  const bytes = Buffer.alloc(OVERHEAD_SECTORS * SECTOR_BYTES);
  encodeHeader({ capacitySectors, directorySector: undefined }).copy(bytes);
  encodeDescriptor(identity, capacitySectors).copy(bytes, SECTOR_BYTES);
  return bytes;
}

/** Follows where grains go, and makes the tables that say so. */
class TableWriter {
  readonly #capacitySectors: number;
  readonly #directory: Buffer;
  /** Where the next piece will stand. */
  #sector = OVERHEAD_SECTORS;
  #tableIndex = 0;
  #table = Buffer.alloc(TABLE_BYTES);
  #tableIsEmpty = true;

  constructor(capacitySectors: number) {
    this.#capacitySectors = capacitySectors;
    const tables = Math.ceil(capacitySectors / ((GRAIN_BYTES / SECTOR_BYTES) * TABLE_ENTRIES));
    this.#directory = Buffer.alloc(Math.ceil((tables * 4) / SECTOR_BYTES) * SECTOR_BYTES);
  }

  /** Goes to the table of `grain`; returns the one before with its marker, if that has grains. */
  enter(grain: number): Buffer | undefined {
    const index = Math.floor(grain / TABLE_ENTRIES);
    if (index === this.#tableIndex) return undefined;
    const finished = this.finishTable();
    this.#tableIndex = index;
    return finished;
  }

  addGrains(firstGrain: number, grainSectors: readonly number[]): void {
    for (const [index, sectors] of grainSectors.entries()) {
      if (sectors === 0) continue;
      const entry = (firstGrain + index) % TABLE_ENTRIES;
      this.#table.writeUInt32LE(this.#sector, entry * 4);
      this.#tableIsEmpty = false;
      this.#sector += sectors;
    }
  }

  finishTable(): Buffer | undefined {
    if (this.#tableIsEmpty) return undefined;
    const piece = Buffer.concat([encodeMarker('grain-table', TABLE_SECTORS), this.#table]);
    this.#directory.writeUInt32LE(this.#sector + 1, this.#tableIndex * 4);
    this.#sector += piece.length / SECTOR_BYTES;
    this.#table = Buffer.alloc(TABLE_BYTES);
    this.#tableIsEmpty = true;
    return piece;
  }

  /** All behind the last table. */
  directory(): Buffer {
    const directorySector = this.#sector + 1;
    return Buffer.concat([
      encodeMarker('grain-directory', this.#directory.length / SECTOR_BYTES),
      this.#directory,
      encodeMarker('footer', 1),
      encodeHeader({ capacitySectors: this.#capacitySectors, directorySector }),
      encodeMarker('end-of-stream', 0),
    ]);
  }
}
