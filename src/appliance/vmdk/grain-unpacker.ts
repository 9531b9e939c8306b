/**
 * Inflates grains on all processors and writes them to their places. A few are under way at a time:
 * memory does not grow with the disk.
 */
import type { FileHandle } from 'node:fs/promises';
import { inflate } from 'node:zlib';
import { GRAIN_BYTES, SECTOR_BYTES } from './format.ts';
import { vmdkBroken } from './sector-reader.ts';

const MOST_UNDER_WAY = 8;
const ZEROS = Buffer.alloc(GRAIN_BYTES);

export class GrainUnpacker {
  readonly #file: FileHandle;
  readonly #diskBytes: number;
  readonly #underWay = new Set<Promise<void>>();
  #failure: { readonly thrown: unknown } | undefined;

  constructor(file: FileHandle, capacitySectors: number) {
    this.#file = file;
    this.#diskBytes = capacitySectors * SECTOR_BYTES;
  }

  /** Returns when there is room for another one. A grain's failure is thrown here or by `finish`. */
  async add(diskSector: number, packed: Buffer): Promise<void> {
    const work = this.#unpack(diskSector, packed)
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

  async #unpack(diskSector: number, packed: Buffer): Promise<void> {
    const grain = await inflated(diskSector, packed);
    const start = diskSector * SECTOR_BYTES;
    const needed = Math.min(GRAIN_BYTES, this.#diskBytes - start);
    if (grain.length < needed) throw vmdkBroken(`the grain at sector ${diskSector} is too short`);
    // The last grain may go on behind the disk's end. Zeros stay a hole.
    const data = grain.subarray(0, needed);
    if (data.equals(ZEROS.subarray(0, needed))) return;
    for (let done = 0; done < needed; ) {
      const { bytesWritten } = await this.#file.write(data, done, needed - done, start + done);
      done += bytesWritten;
    }
  }
}

function inflated(diskSector: number, packed: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    inflate(packed, { maxOutputLength: GRAIN_BYTES }, (error, grain) => {
      if (error) reject(vmdkBroken(`the grain at sector ${diskSector} cannot be inflated`));
      else resolve(grain);
    });
  });
}
