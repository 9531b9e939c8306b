/**
 * Inflates grains on all processors and writes them to their places, if there is a file to write them to. A
 * few are under way at a time: memory does not grow with the disk.
 */
import type { FileHandle } from 'node:fs/promises';
import { inflate } from 'node:zlib';
import type { Report } from '../broken.ts';
import { GRAIN_BYTES, SECTOR_BYTES } from './format.ts';
import { vmdkBroken } from './sector-reader.ts';

const MOST_UNDER_WAY = 8;
const ZEROS = Buffer.alloc(GRAIN_BYTES);

export interface UnpackerOptions {
  /** Undefined when the grains are only to be checked. */
  readonly file: FileHandle | undefined;
  readonly capacitySectors: number;
  /** The VMDK's, for what is wrong with it. */
  readonly name: string;
  readonly report: Report;
}

/** A grain as it was met. */
export interface PackedGrain {
  readonly diskSector: number;
  /** Where it was met in the VMDK. */
  readonly sector: number;
  readonly packed: Buffer;
}

export class GrainUnpacker {
  readonly #options: UnpackerOptions;
  readonly #underWay = new Set<Promise<void>>();
  #failure: { readonly thrown: unknown } | undefined;

  constructor(options: UnpackerOptions) {
    this.#options = options;
  }

  /** Returns when there is room for another one. A grain's failure is thrown here or by `finish`. */
  async add(grain: PackedGrain): Promise<void> {
    const work = this.#unpack(grain)
      .catch((thrown: unknown) => {
        this.#failure ??= { thrown };
      })
      .finally(() => this.#underWay.delete(work));
    this.#underWay.add(work);
    if (this.#underWay.size >= MOST_UNDER_WAY) await Promise.race(this.#underWay);
    if (this.#failure) throw this.#failure.thrown;
  }

  /** Waits for all that is under way, whatever becomes of it. */
  async settle(): Promise<void> {
    await Promise.all(this.#underWay);
  }

  async finish(): Promise<void> {
    await this.settle();
    if (this.#failure) throw this.#failure.thrown;
  }

  async #unpack({ diskSector, sector, packed }: PackedGrain): Promise<void> {
    const { file, capacitySectors, name, report } = this.#options;
    const place = { member: name, sector };
    const start = diskSector * SECTOR_BYTES;
    const needed = Math.min(GRAIN_BYTES, capacitySectors * SECTOR_BYTES - start);
    const grain = await inflated(packed);
    if (!grain || grain.length < needed) {
      const wrong = grain ? 'is too short' : 'cannot be inflated';
      const what = `the grain at sector ${diskSector} ${wrong}`;
      report(vmdkBroken('vmdk-grain-damaged', place, what));
      return;
    }
    // The last grain may go on behind the disk's end. Zeros stay a hole.
    const data = grain.subarray(0, needed);
    if (!file || data.equals(ZEROS.subarray(0, needed))) return;
    for (let done = 0; done < needed; ) {
      const { bytesWritten } = await file.write(data, done, needed - done, start + done);
      done += bytesWritten;
    }
  }
}

/** Undefined when it is damaged. */
function inflated(packed: Buffer): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    inflate(packed, { maxOutputLength: GRAIN_BYTES }, (error, grain) => {
      resolve(error ? undefined : grain);
    });
  });
}
