/** Reads a VMDK within an OVA from front to back, by sectors, a mebibyte ahead. */
import type { FileHandle } from 'node:fs/promises';
import { Fault } from '../broken.ts';
import type { FaultName } from '../fault-names.ts';
import { readExactly } from '../ova/members.ts';
import { SECTOR_BYTES } from './format.ts';

const AHEAD_SECTORS = 2 ** 20 / SECTOR_BYTES;

export interface SectorSource {
  readonly name: string;
  readonly file: FileHandle;
  /** Where the VMDK begins in the file, and its length. */
  readonly offset: number;
  readonly sizeBytes: number;
}

export class SectorReader {
  readonly #source: SectorSource;
  /** Of the whole VMDK. */
  readonly sectors: number;
  #position = 0;
  #ahead: Buffer = Buffer.alloc(0);
  #aheadFrom = 0;

  constructor(source: SectorSource) {
    if (source.sizeBytes % SECTOR_BYTES !== 0) {
      throw cutOff(source.name, 'it does not end with a sector');
    }
    this.#source = source;
    this.sectors = source.sizeBytes / SECTOR_BYTES;
  }

  /** The next sector's number. */
  get position(): number {
    return this.#position;
  }

  /** The result stays as it is when more is read. */
  async take(sectors: number): Promise<Buffer> {
    const end = this.#position + sectors;
    if (end > this.sectors) {
      throw cutOff(this.#source.name, 'it ends before its end-of-stream marker');
    }
    if (end > this.#aheadFrom + this.#ahead.length / SECTOR_BYTES) await this.#readAhead(sectors);
    const from = (this.#position - this.#aheadFrom) * SECTOR_BYTES;
    this.#position = end;
    return this.#ahead.subarray(from, from + sectors * SECTOR_BYTES);
  }

  async #readAhead(atLeast: number): Promise<void> {
    const { file, offset } = this.#source;
    const left = this.sectors - this.#position;
    const sectors = Math.min(Math.max(atLeast, AHEAD_SECTORS), left);
    const from = offset + this.#position * SECTOR_BYTES;
    this.#ahead = await readExactly(file, from, sectors * SECTOR_BYTES);
    this.#aheadFrom = this.#position;
  }
}

/** Where a VMDK is wrong. */
export interface VmdkPlace {
  readonly member: string;
  readonly sector?: number;
}

export function vmdkBroken(fault: FaultName, place: VmdkPlace, what: string): Fault {
  const message = `the virtual disk (VMDK) is broken: ${what}`;
  return new Fault(fault, place, { code: 'vmdk-invalid', message });
}

function cutOff(member: string, what: string): Fault {
  return unfinished('vmdk-cut-off', { member }, what);
}

export function unfinished(fault: FaultName, place: VmdkPlace, what: string): Fault {
  return new Fault(fault, place, {
    code: 'vmdk-unfinished',
    message: `the virtual disk (VMDK) is cut off: ${what}`,
    hint: 'Export it again.',
  });
}
