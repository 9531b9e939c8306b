/**
 * Our own deflate (RFC 1950 and 1951), for one grain at a time. Node's zlib will not do: the bits that it
 * gives depend on the zlib which this Node was built with, so that one appliance would differ from
 * computer to computer; and the usual build compresses some two per cent worse than the zlib of qemu-img.
 *
 * Worker threads get the source text of this class, so it refers to nothing outside itself.
 */
import type { Block, BlockSplitter } from './block-splitter.ts';
import type { CodeDescription } from './code-description.ts';
import type { LzParser } from './lz-parser.ts';
import type { PrefixCode } from './prefix-code.ts';
import type { SymbolTables } from './symbol-tables.ts';

export interface DeflaterParts {
  readonly parser: LzParser;
  readonly tables: SymbolTables;
  readonly splitter: BlockSplitter;
  /** Of 286 symbols and 15 bits, of 30 symbols and 15 bits. */
  readonly literals: PrefixCode;
  readonly distances: PrefixCode;
  readonly description: CodeDescription;
  readonly wrapping: Wrapping;
}

/** `zlib`: RFC 1950, for a window of 32 KiB. `raw`: nothing around the blocks. */
export type Wrapping = 'zlib' | 'raw';

export class Deflater {
  readonly #parts: DeflaterParts;
  #out: Uint8Array = new Uint8Array(0);
  #position = 0;
  /** Bits that are not written yet, the first one lowest; 15 of them at most between calls. */
  #bits = 0;
  #bitCount = 0;

  constructor(parts: DeflaterParts) {
    this.#parts = parts;
  }

  /** Where the input is to be put. */
  get input(): Uint8Array {
    return this.#parts.parser.data;
  }

  /**
   * Compresses the first `length` bytes of `input` into `out` from `offset` on; returns the offset behind
   * the last byte. That is `length` + `length` / 128 + 20 bytes at most.
   */
  deflate(length: number, out: Uint8Array, offset: number): number {
    this.#out = out;
    this.#bits = 0;
    this.#bitCount = 0;
    this.#position = offset;
    const { wrapping } = this.#parts;
    // A window of 32 KiB, no dictionary, the usual effort.
    if (wrapping === 'zlib') for (const byte of [0x78, 0x9c]) out[this.#position++] = byte;
    const count = this.#parts.parser.parse(length);
    let start = 0;
    for (const block of this.#parts.splitter.split(count)) {
      this.#writeBlock(block, { start, final: block.to === count ? 1 : 0 });
      start += block.bytes;
    }
    this.#alignToByte();
    if (wrapping === 'zlib') this.#writeChecksum(length);
    return this.#position;
  }

  #writeBlock(block: Block, place: { readonly start: number; readonly final: number }): void {
    const { literals, distances, description } = this.#parts;
    literals.frequencies.set(block.counts.subarray(0, 286));
    distances.frequencies.set(block.counts.subarray(288));
    literals.build();
    distances.build();
    const { fields, bits } = description.describe(literals, distances);
    const storedBits = 8 * block.bytes + 40 * Math.max(1, Math.ceil(block.bytes / 65535));
    if (storedBits < bits + this.#codedBits(block)) {
      this.#writeStored(block.bytes, place);
      return;
    }
    this.#put(place.final | (2 << 1), 3);
    for (let index = 0; index < fields.length; index += 2) {
      this.#put(fields[index] ?? 0, fields[index + 1] ?? 0);
    }
    this.#writeSymbols(block);
    this.#put(literals.codes[256] ?? 0, literals.lengths[256] ?? 0);
  }

  #codedBits(block: Block): number {
    const { literals, distances, tables } = this.#parts;
    let bits = 0;
    for (let symbol = 0; symbol < 286; symbol += 1) {
      const each = (literals.lengths[symbol] ?? 0) + (tables.lengthExtra[symbol] ?? 0);
      bits += (block.counts[symbol] ?? 0) * each;
    }
    for (let symbol = 0; symbol < 30; symbol += 1) {
      const each = (distances.lengths[symbol] ?? 0) + (tables.distanceExtra[symbol] ?? 0);
      bits += (block.counts[288 + symbol] ?? 0) * each;
    }
    return bits;
  }

  /** Uncompressed: 65,535 bytes a piece, each behind its size and the complement of it. */
  #writeStored(bytes: number, place: { readonly start: number; readonly final: number }): void {
    const end = place.start + bytes;
    let from = place.start;
    do {
      const to = Math.min(from + 65535, end);
      this.#put(to === end ? place.final : 0, 3);
      this.#alignToByte();
      const size = to - from;
      for (const byte of [size, size >> 8, ~size, ~size >> 8]) this.#out[this.#position++] = byte;
      this.#out.set(this.input.subarray(from, to), this.#position);
      this.#position += size;
      from = to;
    } while (from < end);
  }

  /** The loop where the time goes: it works on local copies, and flushes by itself. */
  #writeSymbols(block: Block): void {
    const { parser, literals, distances, tables } = this.#parts;
    const out = this.#out;
    let position = this.#position;
    let bits = this.#bits;
    let bitCount = this.#bitCount;
    for (let index = block.from; index < block.to; index += 1) {
      const symbol = parser.symbols[index] ?? 0;
      const coded = symbol < 256 ? symbol : (tables.lengthSymbols[symbol - 256] ?? 0);
      bits |= (literals.codes[coded] ?? 0) << bitCount;
      bitCount += literals.lengths[coded] ?? 0;
      if (bitCount >= 16) {
        out[position] = bits;
        out[position + 1] = bits >> 8;
        position += 2;
        bits >>>= 16;
        bitCount -= 16;
      }
      if (symbol < 256) continue;
      const distance = parser.distances[index] ?? 0;
      const far = tables.distanceSymbol(distance);
      const lengthExtra = tables.lengthExtra[coded] ?? 0;
      // Five bits at most for a length, then up to 15 and 13 for a distance: two flushes in between.
      const extra = symbol - 256 - (tables.lengthBase[coded] ?? 0);
      bits |= extra << bitCount;
      bitCount += lengthExtra;
      if (bitCount >= 16) {
        out[position] = bits;
        out[position + 1] = bits >> 8;
        position += 2;
        bits >>>= 16;
        bitCount -= 16;
      }
      bits |= (distances.codes[far] ?? 0) << bitCount;
      bitCount += distances.lengths[far] ?? 0;
      if (bitCount >= 16) {
        out[position] = bits;
        out[position + 1] = bits >> 8;
        position += 2;
        bits >>>= 16;
        bitCount -= 16;
      }
      bits |= (distance - (tables.distanceBase[far] ?? 0)) << bitCount;
      bitCount += tables.distanceExtra[far] ?? 0;
      if (bitCount >= 16) {
        out[position] = bits;
        out[position + 1] = bits >> 8;
        position += 2;
        bits >>>= 16;
        bitCount -= 16;
      }
    }
    this.#position = position;
    this.#bits = bits;
    this.#bitCount = bitCount;
  }

  /** 15 bits at most. */
  #put(value: number, count: number): void {
    this.#bits |= value << this.#bitCount;
    this.#bitCount += count;
    while (this.#bitCount >= 8) {
      this.#out[this.#position++] = this.#bits;
      this.#bits >>>= 8;
      this.#bitCount -= 8;
    }
  }

  #alignToByte(): void {
    this.#put(0, -this.#bitCount & 7);
  }

  /** Adler-32 (RFC 1950), most significant byte first. */
  #writeChecksum(length: number): void {
    const { input } = this;
    let low = 1;
    let high = 0;
    for (let from = 0; from < length; ) {
      // As many bytes as can be summed up before 32 bits overflow.
      const to = Math.min(from + 5552, length);
      for (; from < to; from += 1) {
        low += input[from] ?? 0;
        high += low;
      }
      low %= 65521;
      high %= 65521;
    }
    for (const byte of [high >> 8, high, low >> 8, low]) this.#out[this.#position++] = byte;
  }
}
