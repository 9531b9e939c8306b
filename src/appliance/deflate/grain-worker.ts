/**
 * The work of one thread: reads a stretch of the disk, leaves out grains of zeros and compresses the
 * others, each with its VMDK header and padded to whole sectors.
 *
 * Worker threads get the source text of this function, so it refers to nothing outside itself.
 */
import type { MessagePort } from 'node:worker_threads';
import type { Deflater } from './deflater.ts';

/** A stretch of the disk, one mebibyte at most. */
export interface Stretch {
  /** First grain, and how many there are. */
  readonly grain: number;
  readonly grains: number;
  /** What is to be read; everything between is zero. */
  readonly reads: readonly Read[];
}

export interface Read {
  readonly fileOffset: number;
  readonly lengthBytes: number;
  /** Within the stretch. */
  readonly at: number;
}

interface StretchRequest extends Stretch {
  readonly fileDescriptor: number;
  /** Memory for the result. */
  readonly out: ArrayBuffer;
}

export interface StretchResult {
  readonly out: ArrayBuffer;
  /** Bytes of `out` that are used, whole sectors. */
  readonly usedBytes: number;
  /** For each of the stretch's grains the sectors that it takes; 0 for zeros. */
  readonly grainSectors: readonly number[];
  /** Why reading failed: the message, and a system error's code. */
  readonly failure?: { readonly message: string; readonly code: string | undefined } | undefined;
}

export interface GrainWorkerTools {
  readonly port: MessagePort;
  readonly readSync: typeof import('node:fs').readSync;
  readonly deflater: Deflater;
  readonly grainBytes: number;
  readonly stretchBytes: number;
}

export function serveGrains(tools: GrainWorkerTools): void {
  const { port, readSync, deflater, grainBytes, stretchBytes } = tools;
  const disk = Buffer.alloc(stretchBytes);
  const zeros = Buffer.alloc(grainBytes);

  const readStretch = ({ fileDescriptor, reads }: StretchRequest) => {
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

  /** Appends a grain to `out`; returns where it ends. */
  const appendGrain = (out: Buffer, from: number, place: { at: number; grain: number }) => {
    deflater.input.set(disk.subarray(place.at, place.at + grainBytes));
    const dataFrom = from + 12;
    const dataEnd = deflater.deflate(grainBytes, out, dataFrom);
    out.writeBigUInt64LE(BigInt((place.grain * grainBytes) / 512), from);
    out.writeUInt32LE(dataEnd - dataFrom, from + 8);
    const end = Math.ceil(dataEnd / 512) * 512;
    out.fill(0, dataEnd, end);
    return end;
  };

  const compress = (request: StretchRequest): StretchResult => {
    readStretch(request);
    const out = Buffer.from(request.out);
    const grainSectors: number[] = [];
    let usedBytes = 0;
    for (let index = 0; index < request.grains; index += 1) {
      const at = index * grainBytes;
      const isZero = disk.compare(zeros, 0, grainBytes, at, at + grainBytes) === 0;
      const end = isZero
        ? usedBytes
        : appendGrain(out, usedBytes, { at, grain: request.grain + index });
      grainSectors.push((end - usedBytes) / 512);
      usedBytes = end;
    }
    return { out: request.out, usedBytes, grainSectors };
  };

  port.on('message', (request: StretchRequest) => {
    let result: StretchResult;
    try {
      result = compress(request);
    } catch (thrown) {
      const message = thrown instanceof Error ? thrown.message : String(thrown);
      const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : undefined;
      const failure = { message, code };
      result = { out: request.out, usedBytes: 0, grainSectors: [], failure };
    }
    port.postMessage(result, [result.out]);
  });
}
