/**
 * The work of one thread: reads a piece of the disk, finds its grains of zeros and compresses the others,
 * in each of the forms that are asked for.
 *
 * Worker threads get the source text of this function, so it refers to nothing outside itself.
 */
import type { MessagePort } from 'node:worker_threads';
import type { Deflater } from './deflater.ts';

export interface Read {
  readonly fileOffset: number;
  readonly lengthBytes: number;
  /** Within the piece. */
  readonly at: number;
}

/** Memory that goes to the thread and comes back. */
export interface PieceMemory {
  readonly disk: ArrayBuffer;
  /** One for each form. */
  readonly packed: readonly ArrayBuffer[];
}

export interface PieceRequest extends PieceMemory {
  readonly fileDescriptor: number;
  /** What is to be read; everything between is zero. */
  readonly reads: readonly Read[];
}

export interface PieceResult extends PieceMemory {
  /** For each grain. */
  readonly isZero: readonly boolean[];
  /** For each form where each grain ends in its memory: a grain begins where the one before ends. */
  readonly ends: readonly (readonly number[])[];
  /** Why reading failed: the message, and a system error's code. */
  readonly failure?: { readonly message: string; readonly code: string | undefined } | undefined;
}

export interface PieceWorkerTools {
  readonly port: MessagePort;
  readonly readSync: typeof import('node:fs').readSync;
  /** One for each form. */
  readonly deflaters: readonly Deflater[];
  readonly grainBytes: number;
}

export function servePieces(tools: PieceWorkerTools): void {
  const { port, readSync, deflaters, grainBytes } = tools;
  const zeros = Buffer.alloc(grainBytes);

  const readPiece = ({ fileDescriptor, reads }: PieceRequest, disk: Buffer) => {
    disk.fill(0);
    for (const { fileOffset, lengthBytes, at } of reads) {
      for (let done = 0; done < lengthBytes; ) {
        const left = lengthBytes - done;
        const got = readSync(fileDescriptor, disk, at + done, left, fileOffset + done);
        // A raw image may end within its last sector: the rest is zero.
        if (got === 0) break;
        done += got;
      }
    }
  };

  const serve = (request: PieceRequest): PieceResult => {
    const disk = Buffer.from(request.disk);
    readPiece(request, disk);
    const isZero: boolean[] = [];
    for (let at = 0; at < disk.length; at += grainBytes) {
      isZero.push(disk.compare(zeros, 0, grainBytes, at, at + grainBytes) === 0);
    }
    const ends = deflaters.map((deflater, form) => {
      const out = Buffer.from(request.packed[form] ?? new ArrayBuffer(0));
      let end = 0;
      return isZero.map((zero, index) => {
        if (zero) return end;
        const at = index * grainBytes;
        deflater.input.set(disk.subarray(at, at + grainBytes));
        end = deflater.deflate(grainBytes, out, end);
        return end;
      });
    });
    return { disk: request.disk, packed: request.packed, isZero, ends };
  };

  port.on('message', (request: PieceRequest) => {
    const { disk, packed } = request;
    let result: PieceResult;
    try {
      result = serve(request);
    } catch (thrown) {
      const message = thrown instanceof Error ? thrown.message : String(thrown);
      const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : undefined;
      result = { disk, packed, isZero: [], ends: [], failure: { message, code } };
    }
    port.postMessage(result, [disk, ...packed]);
  });
}
