/**
 * Cuts a grain's symbols into blocks, each with codes of its own. As the whole grain is known, this need
 * not be guessed on the way: many small blocks first, then neighbours join, those first that gain most,
 * until joining saves no more bits.
 *
 * Worker threads get the source text of this class, so it refers to nothing outside itself.
 */
import type { LzParser } from './lz-parser.ts';
import type { SymbolTables } from './symbol-tables.ts';

export interface Block {
  /** First symbol, and the one after the last. */
  readonly from: number;
  readonly to: number;
  /** Bytes of input that the symbols stand for. */
  readonly bytes: number;
  /** How often each literal, length (0…285) and, from 288 on, distance occurs. */
  readonly counts: Uint32Array;
  /** An estimate, without the extra bits of lengths and distances. */
  readonly bits: number;
}

interface Pair {
  readonly joined: Block;
  readonly saved: number;
}

export class BlockSplitter {
  readonly #parser: LzParser;
  readonly #tables: SymbolTables;
  /** n × log2(n): what entropies are sums of. */
  readonly #weighted: Float64Array;

  constructor(parser: LzParser, tables: SymbolTables) {
    this.#parser = parser;
    this.#tables = tables;
    this.#weighted = Float64Array.from({ length: parser.maximumBytes + 99 }, (_, n) =>
      n < 2 ? 0 : n * Math.log2(n),
    );
  }

  /** The first `count` symbols of the parser, as one block at least. */
  split(count: number): readonly Block[] {
    const blocks: Block[] = [];
    const step = 1024;
    do {
      const from = blocks.length * step;
      blocks.push(this.#block(from, Math.min(from + step, count)));
    } while (blocks.length * step < count);
    const pairs: Pair[] = [];
    for (const [index, right] of blocks.entries()) {
      const left = blocks[index - 1];
      if (left) pairs.push(this.#pair(left, right));
    }
    for (;;) {
      const best = pairs.reduce<Pair | undefined>(
        (most, pair) => (pair.saved > (most?.saved ?? 0) ? pair : most),
        undefined,
      );
      if (!best) return blocks;
      const index = pairs.indexOf(best);
      blocks.splice(index, 2, best.joined);
      pairs.splice(index, 1);
      const left = blocks[index - 1];
      const right = blocks[index + 1];
      if (left) pairs[index - 1] = this.#pair(left, best.joined);
      if (right) pairs[index] = this.#pair(best.joined, right);
    }
  }

  #block(from: number, to: number): Block {
    const { symbols, distances } = this.#parser;
    const counts = new Uint32Array(318);
    let bytes = 0;
    for (let index = from; index < to; index += 1) {
      const symbol = symbols[index] ?? 0;
      if (symbol < 256) {
        counts[symbol] = (counts[symbol] ?? 0) + 1;
        bytes += 1;
      } else {
        const length = this.#tables.lengthSymbols[symbol - 256] ?? 0;
        const distance = 288 + this.#tables.distanceSymbol(distances[index] ?? 0);
        counts[length] = (counts[length] ?? 0) + 1;
        counts[distance] = (counts[distance] ?? 0) + 1;
        bytes += symbol - 256;
      }
    }
    // The symbol that ends the block.
    counts[256] = 1;
    return { from, to, bytes, counts, bits: this.#estimate(counts) };
  }

  #pair(left: Block, right: Block): Pair {
    const counts = new Uint32Array(318);
    for (let index = 0; index < 318; index += 1) {
      counts[index] = (left.counts[index] ?? 0) + (right.counts[index] ?? 0);
    }
    counts[256] = 1;
    const bits = this.#estimate(counts);
    const joined = {
      from: left.from,
      to: right.to,
      bytes: left.bytes + right.bytes,
      counts,
      bits,
    };
    return { joined, saved: left.bits + right.bits - bits };
  }

  /** Entropy, plus what a description of the codes takes: measured at three and a half bits a symbol. */
  #estimate(counts: Uint32Array): number {
    const weighted = this.#weighted;
    let literals = 0;
    let distances = 0;
    let bits = 90;
    for (let index = 0; index < 318; index += 1) {
      const count = counts[index] ?? 0;
      if (count === 0) continue;
      if (index < 288) literals += count;
      else distances += count;
      bits += 3.5 - (weighted[count] ?? 0);
    }
    return bits + (weighted[literals] ?? 0) + (weighted[distances] ?? 0);
  }
}
