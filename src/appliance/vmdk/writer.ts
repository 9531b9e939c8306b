/**
 * Writes a streamOptimized VMDK in one pass: header and description, then the grains that hold data, each
 * run of 512 followed by its table, and at the end the directory of the tables, a footer and the
 * end-of-stream marker. qemu-img leaves the last two out, and importers that stream hang on it or hash
 * something else.
 */
import type { FileHandle } from 'node:fs/promises';
import { compressStretches, STRETCH_GRAINS } from '../deflate/grain-threads.ts';
import type { Read, Stretch } from '../deflate/grain-worker.ts';
import type { DiskMap, Extent } from '../disk-extents.ts';
import {
  type DiskIdentity,
  encodeDescriptor,
  encodeGrain,
  encodeHeader,
  encodeMarker,
  GRAIN_BYTES,
  GRAIN_SECTORS,
  OVERHEAD_SECTORS,
  SECTOR_BYTES,
  TABLE_BYTES,
  TABLE_ENTRIES,
  TABLE_SECTORS,
} from './format.ts';
import type { PackedGrain } from './grain-unpacker.ts';

const STRETCH_BYTES = STRETCH_GRAINS * GRAIN_BYTES;

export interface VmdkSource {
  /** The image file, open for reading. */
  readonly file: FileHandle;
  /** With `readableBy` file. */
  readonly map: DiskMap;
  readonly identity: DiskIdentity;
  readonly signal: AbortSignal;
  /** Told after each piece. */
  readonly onProgress: (amounts: VmdkAmounts) => void;
}

interface VmdkAmounts {
  /** Bytes of the map's extents that are done. */
  readonly dataBytes: number;
  /** Bytes of the disk that are stored: grains that are not all zeros. The extents depend on how the disk was written, this does not. */
  readonly storedBytes: number;
}

/**
 * Yields the file piece by piece. A piece is valid until the next one is asked for, and nothing is
 * produced far ahead of what was taken: memory does not grow with the disk.
 */
export async function* streamOptimizedVmdk(source: VmdkSource): AsyncGenerator<Buffer> {
  const capacitySectors = Math.ceil(source.map.sizeBytes / SECTOR_BYTES);
  const tables = new TableWriter(capacitySectors);
  yield preamble(source.identity, capacitySectors);
  const stretches = stretchesOf(source.map.extents);
  const compressed = compressStretches(source.file.fd, stretches, source.signal);
  let dataBytes = 0;
  let storedBytes = 0;
  for await (const { stretch, bytes, grainSectors } of compressed) {
    const finished = tables.enter(stretch.grain);
    if (finished) yield finished;
    tables.addGrains(stretch.grain, grainSectors);
    if (bytes.length > 0) yield bytes;
    for (const read of stretch.reads) dataBytes += read.lengthBytes;
    storedBytes += grainSectors.filter((sectors) => sectors > 0).length * GRAIN_BYTES;
    source.onProgress({ dataBytes, storedBytes });
  }
  const last = tables.finishTable();
  if (last) yield last;
  yield tables.directory();
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

/** The mebibytes of the disk that hold data, and what is to be read for each. */
function* stretchesOf(extents: readonly Extent[]): Generator<Stretch> {
  let index = -1;
  let reads: Read[] = [];
  const finished = (): Stretch => ({
    grain: index * STRETCH_GRAINS,
    grains: STRETCH_GRAINS,
    reads,
  });
  for (const extent of extents) {
    const end = extent.start + extent.lengthBytes;
    for (let start = extent.start; start < end; ) {
      const within = Math.floor(start / STRETCH_BYTES);
      if (within !== index) {
        if (reads.length > 0) yield finished();
        index = within;
        reads = [];
      }
      const stop = Math.min(end, (within + 1) * STRETCH_BYTES);
      reads.push({
        fileOffset: extent.fileOffset + start - extent.start,
        lengthBytes: stop - start,
        at: start - within * STRETCH_BYTES,
      });
      start = stop;
    }
  }
  if (reads.length > 0) yield finished();
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
