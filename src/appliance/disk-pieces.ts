/**
 * The one read of the disk. Worker threads read it, leave out what is zero and compress what the formats
 * want compressed; the pieces come in the order of the disk, and memory is bounded by those under way.
 */
import type { FileHandle } from 'node:fs/promises';
import type { GrainForm } from './deflate/deflater-source.ts';
import { PieceThreads } from './deflate/piece-threads.ts';
import type { PieceResult, Read } from './deflate/piece-worker.ts';
import type { DiskMap, Extent } from './disk-extents.ts';

/** A mebibyte has few messages and takes little memory. */
export const PIECE_BYTES = 2 ** 20;
/** Also the unit of a streamOptimized VMDK, and the cluster of a qcow2. */
export const PIECE_GRAIN_BYTES = 2 ** 16;
const GRAINS_PER_PIECE = PIECE_BYTES / PIECE_GRAIN_BYTES;

/**
 * A mebibyte of the disk that holds data. Those that are all zeros never appear. Its buffers are valid
 * until the next piece is asked for.
 */
export interface DiskPiece {
  /** On the disk, in bytes: a multiple of 1 MiB. */
  readonly start: number;
  /** 1 MiB; zeros behind the end of the disk. */
  readonly bytes: Buffer;
  /** For each of its 16 grains of 64 KiB. */
  readonly isZero: readonly boolean[];
  /** By grain, a zlib stream whose window is 32 KiB, empty for zeros. No element at all if nobody asked for it. */
  readonly deflated: readonly Buffer[];
  /** By grain, bare deflate whose window is 4 KiB, empty for zeros. No element at all if nobody asked for it. */
  readonly deflatedSmall: readonly Buffer[];
}

/** A disk as a format sees it. */
export interface DiskShape {
  /** What a guest sees, in whole sectors. */
  readonly sizeBytes: number;
  /** In the order of the disk. To be read once. */
  readonly pieces: AsyncIterable<DiskPiece>;
}

export interface PieceSource {
  /** The image file, open for reading. */
  readonly file: FileHandle;
  /** With `readableBy` file. */
  readonly map: DiskMap;
  /** What else than its bytes each piece shall have. */
  readonly forms: readonly GrainForm[];
  readonly signal: AbortSignal;
  /** Told before each piece how many bytes of the map's extents have been read. */
  readonly onProgress: (dataBytes: number) => void;
}

/** Reads a disk. The threads end with the iteration. @throws PvmcError `disk-unreadable` */
export async function* diskPieces(source: PieceSource): AsyncGenerator<DiskPiece> {
  const { signal } = source;
  const forms = [...new Set(source.forms)];
  const threads = new PieceThreads({
    fileDescriptor: source.file.fd,
    forms,
    grainBytes: PIECE_GRAIN_BYTES,
    grainsPerPiece: GRAINS_PER_PIECE,
  });
  const underWay: (Stretch & { readonly result: Promise<PieceResult> })[] = [];
  const stretches = stretchesOf(source.map.extents);
  const fill = () => {
    while (underWay.length < threads.capacity) {
      const { done, value: stretch } = stretches.next();
      if (done === true) return;
      const result = threads.read(stretch.reads);
      // Whoever waits for it hears of a failure; until then it is not unhandled.
      result.catch(() => {});
      underWay.push({ ...stretch, result });
    }
  };
  let dataBytes = 0;
  try {
    fill();
    for (let first = underWay.shift(); first; first = underWay.shift()) {
      const result = await first.result;
      signal.throwIfAborted();
      for (const { lengthBytes } of first.reads) dataBytes += lengthBytes;
      source.onProgress(dataBytes);
      if (result.isZero.includes(false)) yield pieceOf(first.start, result, forms);
      threads.recycle(result);
      fill();
    }
  } finally {
    await threads.end();
  }
}

function pieceOf(start: number, result: PieceResult, forms: readonly GrainForm[]): DiskPiece {
  const grains = (form: GrainForm) => {
    const index = forms.indexOf(form);
    const memory = result.packed[index];
    const ends = result.ends[index] ?? [];
    if (memory === undefined) return [];
    return ends.map((end, grain) => {
      const from = ends[grain - 1] ?? 0;
      return Buffer.from(memory, from, end - from);
    });
  };
  return {
    start,
    bytes: Buffer.from(result.disk),
    isZero: result.isZero,
    deflated: grains('deflated'),
    deflatedSmall: grains('deflatedSmall'),
  };
}

interface Stretch {
  /** On the disk. */
  readonly start: number;
  readonly reads: readonly Read[];
}

/** The mebibytes of the disk that hold data, and what is to be read for each. */
function* stretchesOf(extents: readonly Extent[]): Generator<Stretch, void> {
  let index = -1;
  let reads: Read[] = [];
  for (const extent of extents) {
    const end = extent.start + extent.lengthBytes;
    for (let start = extent.start; start < end; ) {
      const within = Math.floor(start / PIECE_BYTES);
      if (within !== index) {
        if (reads.length > 0) yield { start: index * PIECE_BYTES, reads };
        index = within;
        reads = [];
      }
      const stop = Math.min(end, (within + 1) * PIECE_BYTES);
      reads.push({
        fileOffset: extent.fileOffset + start - extent.start,
        lengthBytes: stop - start,
        at: start - within * PIECE_BYTES,
      });
      start = stop;
    }
  }
  if (reads.length > 0) yield { start: index * PIECE_BYTES, reads };
}
