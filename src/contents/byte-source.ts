/**
 * Bytes that can be read at any place: a disk, a partition of it, a file in that. Nothing is mounted, and
 * whoever reads is told when a place lies outside.
 */
import { broken } from '../appliance/broken.ts';
import type { PvmcError } from '../system/error.ts';

export interface ByteSource {
  readonly sizeBytes: number;
  /** Exactly these bytes, which are not to be written to. @throws PvmcError `disk-invalid` outside of it */
  read(offset: number, lengthBytes: number): Promise<Buffer>;
  /** Where the next byte is that may not be zero; the end where there is none. */
  nextData?(offset: number): number;
}

/** A disk, or something on it, that contradicts itself. */
export function diskBroken(called: string, what: string): PvmcError {
  return broken({
    code: 'disk-invalid',
    message: `${called} is broken: ${what}`,
    hint: 'Copy or export it again. If it boots nevertheless, run its own check (fsck) there first.',
  });
}

/** A part of a source, called something in messages. */
export class Region implements ByteSource {
  readonly sizeBytes: number;
  readonly called: string;
  readonly #source: ByteSource;
  readonly #start: number;

  constructor(
    source: ByteSource,
    part: { readonly start: number; readonly sizeBytes: number; readonly called: string },
  ) {
    const { start, sizeBytes, called } = part;
    if (!isWithin(source.sizeBytes, start, sizeBytes)) {
      throw diskBroken(called, `it goes on behind the disk's end, at byte ${source.sizeBytes}`);
    }
    this.#source = source;
    this.#start = start;
    this.sizeBytes = sizeBytes;
    this.called = called;
  }

  /** Where one of its bytes is in the source. */
  placeOf(offset: number): number {
    return this.#start + offset;
  }

  async read(offset: number, lengthBytes: number): Promise<Buffer> {
    if (!isWithin(this.sizeBytes, offset, lengthBytes)) {
      throw diskBroken(this.called, `something leads to byte ${offset}, behind its end`);
    }
    return this.#source.read(this.#start + offset, lengthBytes);
  }
}

/** Written so that numbers beyond all exactness, and those that are none, are outside. */
export function isWithin(sizeBytes: number, offset: number, lengthBytes: number): boolean {
  return (
    offset >= 0 && lengthBytes >= 0 && offset <= sizeBytes && lengthBytes <= sizeBytes - offset
  );
}

export const PAGE_BYTES = 2 ** 16;
/** 16 MiB of each disk that is looked at. */
const MOST_PAGES = 256;
const ZEROS = Buffer.alloc(PAGE_BYTES);

export function isZero(bytes: Buffer): boolean {
  for (let at = 0; at < bytes.length; at += PAGE_BYTES) {
    const part = bytes.subarray(at, at + PAGE_BYTES);
    if (!part.equals(ZEROS.subarray(0, part.length))) return false;
  }
  return true;
}

/**
 * A source of pages of 64 KiB, the last ones of which are remembered: file systems read the same few
 * again and again, and a page of a VMDK has to be inflated.
 */
export class PagedSource implements ByteSource {
  readonly sizeBytes: number;
  readonly #load: (page: number) => Promise<Buffer | undefined>;
  /** The longest unused first. */
  readonly #pages = new Map<number, Promise<Buffer>>();

  /** @param load the page, shorter at the source's end if need be; undefined when it is all zeros */
  constructor(sizeBytes: number, load: (page: number) => Promise<Buffer | undefined>) {
    this.sizeBytes = sizeBytes;
    this.#load = load;
  }

  async read(offset: number, lengthBytes: number): Promise<Buffer> {
    if (!isWithin(this.sizeBytes, offset, lengthBytes)) {
      throw diskBroken('the disk', `something leads to byte ${offset}, behind its end`);
    }
    if (lengthBytes === 0) return ZEROS.subarray(0, 0);
    const first = Math.floor(offset / PAGE_BYTES);
    const last = Math.floor((offset + lengthBytes - 1) / PAGE_BYTES);
    const from = offset - first * PAGE_BYTES;
    if (first === last) return (await this.#page(first)).subarray(from, from + lengthBytes);
    const numbers = Array.from({ length: last - first + 1 }, (_, index) => first + index);
    const pages = await Promise.all(numbers.map((number) => this.#page(number)));
    return Buffer.concat(pages).subarray(from, from + lengthBytes);
  }

  #page(number: number): Promise<Buffer> {
    const known = this.#pages.get(number);
    if (known) {
      this.#pages.delete(number);
      this.#pages.set(number, known);
      return known;
    }
    const page = this.#load(number).then((bytes) => bytes ?? ZEROS);
    this.#pages.set(number, page);
    // The reader hears of the failure; the page must not be taken for a known one.
    page.catch(() => this.#pages.delete(number));
    for (const oldest of this.#pages.keys()) {
      if (this.#pages.size <= MOST_PAGES) break;
      this.#pages.delete(oldest);
    }
    return page;
  }
}

/** Bytes of a file that lie in several places; what lies nowhere is zeros. */
export interface Run {
  /** In the file. */
  readonly at: number;
  /** In what the file lies in. */
  readonly from: number;
  readonly lengthBytes: number;
}

/** A file's content, from its runs, which are in the file's order and do not overlap. */
export class RunsSource implements ByteSource {
  readonly sizeBytes: number;
  readonly #source: ByteSource;
  readonly #runs: readonly Run[];

  constructor(source: ByteSource, runs: readonly Run[], sizeBytes: number) {
    this.#source = source;
    this.#runs = runs;
    this.sizeBytes = sizeBytes;
  }

  async read(offset: number, lengthBytes: number): Promise<Buffer> {
    if (!isWithin(this.sizeBytes, offset, lengthBytes)) {
      throw diskBroken('the disk', 'a file is shorter than it says');
    }
    const end = offset + lengthBytes;
    const index = this.#firstBehind(offset);
    const first = this.#runs[index];
    if (first && first.at <= offset && first.at + first.lengthBytes >= end) {
      return this.#source.read(first.from + offset - first.at, lengthBytes);
    }
    const bytes = Buffer.alloc(lengthBytes);
    for (let next = index; next < this.#runs.length; next += 1) {
      const run = this.#runs[next];
      if (!run || run.at >= end) break;
      const start = Math.max(run.at, offset);
      const stop = Math.min(run.at + run.lengthBytes, end);
      const part = await this.#source.read(run.from + start - run.at, stop - start);
      part.copy(bytes, start - offset);
    }
    return bytes;
  }

  nextData(offset: number): number {
    const run = this.#runs[this.#firstBehind(offset)];
    return run ? Math.min(Math.max(run.at, offset), this.sizeBytes) : this.sizeBytes;
  }

  /** The first run that ends behind a place. */
  #firstBehind(offset: number): number {
    let low = 0;
    let high = this.#runs.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const run = this.#runs[middle];
      if (run && run.at + run.lengthBytes <= offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** Bytes that are in memory. */
export function bytesSource(bytes: Buffer): ByteSource {
  return {
    sizeBytes: bytes.length,
    read: async (offset, lengthBytes) => bytes.subarray(offset, offset + lengthBytes),
  };
}
