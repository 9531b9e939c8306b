/**
 * Writes the plain disk as a Zstandard stream. Debian's `zstd` compresses what holds data; long runs of zeros between
 * become frames of our own, so that the work grows with the data and not with the disk's size. A stream of several
 * frames is what `zstd -d` reads as well as one.
 */
import type { FileHandle } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { PvmcError } from '../../system/error.ts';
import type { Progress } from '../../system/progress.ts';
import { runFilter } from '../../system/run.ts';
import { type DiskPiece, type DiskShape, PIECE_BYTES } from '../disk-pieces.ts';
import { zeroFrame } from './zero-frame.ts';

/** Better than the usual 3 by some six per cent, and still faster than our deflate. */
const LEVEL = 9;
/** More threads take more memory, some 50 MB each at this level. */
const MOST_THREADS = 3;
/** Zeros that are worth a frame of their own; fewer go through zstd, which costs less than to start it again. */
const LONG_RUN_BYTES = 16 * PIECE_BYTES;
/** So that memory does not grow with a run. */
const MOST_FRAME_BYTES = 2 ** 36;
const ZEROS = Buffer.alloc(PIECE_BYTES);

export interface ZstOptions {
  readonly progress: Progress;
  /** As many as there are processors unless told. The bits do not depend on it. */
  readonly threads?: number;
}

/** @param file empty, and standing at its beginning */
export async function writeZst(
  file: FileHandle,
  disk: DiskShape,
  { progress, threads = Math.min(availableParallelism(), MOST_THREADS) }: ZstOptions,
): Promise<void> {
  const { signal } = progress;
  const argv = ['zstd', '-q', `-${LEVEL}`, `-T${threads}`, '-c'];
  await using runs = new DataRuns(disk);
  for (let from = 0; from < disk.sizeBytes; from = runs.end) {
    signal.throwIfAborted();
    const start = await runs.nextStart();
    await writeZeros(file, start - from);
    if (start === disk.sizeBytes) return;
    const log = (line: string, origin: string) => progress.log(line, origin);
    const work = runFilter(argv, { input: runs.chunks(), output: file }, { signal, log });
    await work.catch((thrown: unknown) => {
      throw saysFull(thrown) ? diskFull(thrown) : thrown;
    });
  }
}

function saysFull(thrown: unknown): boolean {
  return (
    thrown instanceof PvmcError && thrown.details.join('\n').includes('No space left on device')
  );
}

/** As if we had written it ourselves: the output's owner explains it. */
function diskFull(cause: unknown): Error {
  return Object.assign(new Error('no space left on device', { cause }), { code: 'ENOSPC' });
}

async function writeZeros(file: FileHandle, lengthBytes: number): Promise<void> {
  for (let left = lengthBytes; left > 0; left -= MOST_FRAME_BYTES) {
    await file.appendFile(zeroFrame(Math.min(left, MOST_FRAME_BYTES)));
  }
}

/** The disk as runs of data between which long runs of zeros are. */
class DataRuns implements AsyncDisposable {
  readonly #sizeBytes: number;
  readonly #pieces: AsyncIterator<DiskPiece>;
  #next: DiskPiece | undefined;
  #end = 0;

  constructor(disk: DiskShape) {
    this.#sizeBytes = disk.sizeBytes;
    this.#pieces = disk.pieces[Symbol.asyncIterator]();
  }

  /** Where the latest run ended. */
  get end(): number {
    return this.#end;
  }

  /** Where the next one starts; the disk's end when there is none. */
  async nextStart(): Promise<number> {
    this.#next ??= await this.#take();
    return this.#next?.start ?? this.#sizeBytes;
  }

  /** Its bytes, with the short runs of zeros in them. */
  async *chunks(): AsyncGenerator<Buffer> {
    this.#end = this.#next?.start ?? this.#sizeBytes;
    for (let piece = this.#next; piece; piece = this.#next) {
      if (piece.start - this.#end >= LONG_RUN_BYTES) return;
      for (; this.#end < piece.start; this.#end += PIECE_BYTES) yield ZEROS;
      const length = Math.min(PIECE_BYTES, this.#sizeBytes - piece.start);
      yield piece.bytes.subarray(0, length);
      this.#end = piece.start + length;
      this.#next = await this.#take();
    }
  }

  /** Whoever gives the pieces need not wait for us. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pieces.return?.();
  }

  async #take(): Promise<DiskPiece | undefined> {
    const { done, value } = await this.#pieces.next();
    return done === true ? undefined : value;
  }
}
