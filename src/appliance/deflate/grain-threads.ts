/**
 * All processors compress: stretches of the disk are handed to worker threads, a few each, and their
 * results come back in the order of the disk. Memory is bounded by the stretches under way, and buffers
 * go back and forth instead of being made anew.
 */
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { PvmcError } from '../../system/error.ts';
import { GRAIN_BYTES, LONGEST_GRAIN_SECTORS, SECTOR_BYTES } from '../vmdk/format.ts';
import { deflaterSource } from './deflater-source.ts';
import { type Stretch, type StretchResult, serveGrains } from './grain-worker.ts';

/** Sixteen make a mebibyte: few messages, little memory. */
export const STRETCH_GRAINS = 16;
const STRETCH_BYTES = STRETCH_GRAINS * GRAIN_BYTES;
const RESULT_BYTES = STRETCH_GRAINS * LONGEST_GRAIN_SECTORS * SECTOR_BYTES;
/** More would wait for the one that writes. Each costs some 10 MB. */
const MOST_THREADS = 8;
/** So that a thread need not wait for its next stretch. */
const STRETCHES_PER_THREAD = 2;

export interface CompressedStretch {
  readonly stretch: Stretch;
  /** Grains with their headers, whole sectors. Valid until the next stretch is asked for. */
  readonly bytes: Buffer;
  /** For each of the stretch's grains the sectors that it takes; 0 for zeros. */
  readonly grainSectors: readonly number[];
}

/** Reads stretches from the file and compresses them. The threads end with the iteration. */
export async function* compressStretches(
  fileDescriptor: number,
  stretches: Iterable<Stretch>,
  signal: AbortSignal,
): AsyncGenerator<CompressedStretch> {
  const threads = new GrainThreads(fileDescriptor);
  const underWay: { readonly stretch: Stretch; readonly result: Promise<StretchResult> }[] = [];
  const next = stretches[Symbol.iterator]();
  const fill = () => {
    while (underWay.length < threads.capacity) {
      const { done, value: stretch } = next.next();
      if (done === true) return;
      const result = threads.compress(stretch);
      // Whoever waits for it hears of a failure; until then it is not unhandled.
      result.catch(() => {});
      underWay.push({ stretch, result });
    }
  };
  try {
    fill();
    for (let first = underWay.shift(); first; first = underWay.shift()) {
      const result = await first.result;
      signal.throwIfAborted();
      const { out, usedBytes, grainSectors } = result;
      yield { stretch: first.stretch, bytes: Buffer.from(out, 0, usedBytes), grainSectors };
      threads.recycle(out);
      fill();
    }
  } finally {
    await threads.end();
  }
}

interface Waiting {
  readonly resolve: (result: StretchResult) => void;
  readonly reject: (thrown: unknown) => void;
}

class GrainThreads {
  readonly capacity: number;
  readonly #fileDescriptor: number;
  readonly #most: number;
  readonly #threads: { readonly worker: Worker; readonly waiting: Waiting[] }[] = [];
  readonly #buffers: ArrayBuffer[] = [];

  constructor(fileDescriptor: number) {
    this.#fileDescriptor = fileDescriptor;
    this.#most = Math.min(availableParallelism(), MOST_THREADS);
    this.capacity = this.#most * STRETCHES_PER_THREAD;
  }

  compress(stretch: Stretch): Promise<StretchResult> {
    const thread = this.#leastBusy();
    const out = this.#buffers.pop() ?? new ArrayBuffer(RESULT_BYTES);
    return new Promise((resolve, reject) => {
      thread.waiting.push({ resolve, reject });
      thread.worker.postMessage({ ...stretch, fileDescriptor: this.#fileDescriptor, out }, [out]);
    });
  }

  recycle(out: ArrayBuffer): void {
    this.#buffers.push(out);
  }

  async end(): Promise<void> {
    await Promise.all(this.#threads.map(({ worker }) => worker.terminate()));
  }

  #leastBusy() {
    const [first, ...others] = this.#threads;
    const idlest = others.reduce(
      (least, thread) =>
        least === undefined || thread.waiting.length < least.waiting.length ? thread : least,
      first,
    );
    if (idlest && (idlest.waiting.length === 0 || this.#threads.length === this.#most)) {
      return idlest;
    }
    return this.#start();
  }

  #start() {
    const worker = new Worker(workerSource(), {
      eval: true,
      name: 'grains',
      resourceLimits: { maxYoungGenerationSizeMb: 4 },
    });
    const thread: { worker: Worker; waiting: Waiting[] } = { worker, waiting: [] };
    worker.on('message', (result: StretchResult) => {
      const waiting = thread.waiting.shift();
      if (result.failure) waiting?.reject(readFailure(result.failure));
      else waiting?.resolve(result);
    });
    worker.on('error', (thrown) => {
      for (const { reject } of thread.waiting.splice(0)) reject(thrown);
    });
    this.#threads.push(thread);
    return thread;
  }
}

function workerSource(): string {
  return `
const { readSync } = require('node:fs');
const { parentPort: port } = require('node:worker_threads');
const deflater = ${deflaterSource(GRAIN_BYTES)};
const serve = ${serveGrains.toString()};
serve({ port, readSync, deflater, grainBytes: ${GRAIN_BYTES}, stretchBytes: ${STRETCH_BYTES} });
`;
}

function readFailure(failure: NonNullable<StretchResult['failure']>): PvmcError {
  return new PvmcError({
    kind: 'host',
    code: 'disk-unreadable',
    message: `the disk image cannot be read: ${failure.message}`,
    hint:
      failure.code === 'EIO'
        ? 'The file system that holds it reports damage: look at dmesg.'
        : undefined,
  });
}
