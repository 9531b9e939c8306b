/**
 * All processors compress: pieces of the disk are handed to worker threads, a few each. Buffers go back
 * and forth instead of being made anew.
 */
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { PvmcError } from '../../system/error.ts';
import { deflaterSource, type GrainForm } from './deflater-source.ts';
import { type PieceMemory, type PieceResult, type Read, servePieces } from './piece-worker.ts';

/** More would wait for those that write. Each costs some 15 MB. */
const MOST_THREADS = 8;
/** So that a thread need not wait for its next piece. */
const PIECES_PER_THREAD = 2;

export interface PieceThreadsOptions {
  /** Of the image, open for reading. */
  readonly fileDescriptor: number;
  readonly forms: readonly GrainForm[];
  readonly grainBytes: number;
  readonly grainsPerPiece: number;
}

interface Waiting {
  readonly resolve: (result: PieceResult) => void;
  readonly reject: (thrown: unknown) => void;
}

export class PieceThreads {
  /** How many pieces are worth having under way. */
  readonly capacity: number;
  readonly #options: PieceThreadsOptions;
  readonly #most: number;
  readonly #threads: { readonly worker: Worker; readonly waiting: Waiting[] }[] = [];
  readonly #memory: PieceMemory[] = [];

  constructor(options: PieceThreadsOptions) {
    this.#options = options;
    this.#most = Math.min(availableParallelism(), MOST_THREADS);
    this.capacity = this.#most * PIECES_PER_THREAD;
  }

  /** @throws PvmcError `disk-unreadable` */
  read(reads: readonly Read[]): Promise<PieceResult> {
    const thread = this.#leastBusy();
    const memory = this.#memory.pop() ?? this.#newMemory();
    const { fileDescriptor } = this.#options;
    return new Promise((resolve, reject) => {
      thread.waiting.push({ resolve, reject });
      const transferred = [memory.disk, ...memory.packed];
      thread.worker.postMessage({ ...memory, reads, fileDescriptor }, transferred);
    });
  }

  /** Takes back what a result is in. */
  recycle({ disk, packed }: PieceMemory): void {
    this.#memory.push({ disk, packed });
  }

  async end(): Promise<void> {
    await Promise.all(this.#threads.map(({ worker }) => worker.terminate()));
  }

  #newMemory(): PieceMemory {
    const { grainBytes, grainsPerPiece, forms } = this.#options;
    // Deflate adds a 128th and 20 bytes to noise at most.
    const packedBytes = grainsPerPiece * (grainBytes + grainBytes / 128 + 20);
    return {
      disk: new ArrayBuffer(grainsPerPiece * grainBytes),
      packed: forms.map(() => new ArrayBuffer(packedBytes)),
    };
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
    const worker = new Worker(workerSource(this.#options), {
      eval: true,
      name: 'pieces',
      resourceLimits: { maxYoungGenerationSizeMb: 4 },
    });
    const thread: { worker: Worker; waiting: Waiting[] } = { worker, waiting: [] };
    worker.on('message', (result: PieceResult) => {
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

function workerSource({ forms, grainBytes }: PieceThreadsOptions): string {
  const deflaters = forms.map((form) => deflaterSource(grainBytes, form));
  return `
const { readSync } = require('node:fs');
const { parentPort: port } = require('node:worker_threads');
const deflaters = [${deflaters.join(',\n')}];
const serve = ${servePieces.toString()};
serve({ port, readSync, deflaters, grainBytes: ${grainBytes} });
`;
}

function readFailure(failure: NonNullable<PieceResult['failure']>): PvmcError {
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
