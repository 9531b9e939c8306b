/**
 * Prefix codes as deflate has them (RFC 1951, 3.2.2): from how often each symbol occurs to the length and
 * the bits of its code, no code longer than a limit.
 *
 * Worker threads get the source text of this class, so it refers to nothing outside itself.
 */
export class PrefixCode {
  readonly frequencies: Uint32Array;
  /** Bits of each symbol's code; 0 when it has none. */
  readonly lengths: Uint8Array;
  /** Each symbol's code as it is written, its first bit lowest. */
  readonly codes: Uint16Array;
  readonly #limit: number;
  /** The tree's nodes: leaves by rising weight, then inner nodes in the order they are made. */
  readonly #weights: Uint32Array;
  readonly #parents: Uint16Array;
  readonly #depths: Uint8Array;

  constructor(symbolCount: number, longestCode: number) {
    this.frequencies = new Uint32Array(symbolCount);
    this.lengths = new Uint8Array(symbolCount);
    this.codes = new Uint16Array(symbolCount);
    this.#limit = longestCode;
    this.#weights = new Uint32Array(2 * symbolCount);
    this.#parents = new Uint16Array(2 * symbolCount);
    this.#depths = new Uint8Array(2 * symbolCount);
  }

  /** Makes `lengths` and `codes` for `frequencies`; what does not occur gets no code. */
  build(): void {
    const symbols = this.#symbolsByFrequency();
    this.lengths.fill(0);
    if (symbols.length < 2) {
      // Inflaters differ on a code of fewer than two symbols, so it gets two of one bit each.
      const only = symbols[0] ?? 0;
      this.lengths[only] = 1;
      this.lengths[only === 0 ? 1 : 0] = 1;
    } else {
      const perLength = this.#codesPerLength(symbols.length);
      let next = 0;
      for (let length = this.#limit; length > 0; length -= 1) {
        for (let left = perLength[length] ?? 0; left > 0; left -= 1) {
          this.lengths[symbols[next++] ?? 0] = length;
        }
      }
    }
    this.assignCodes();
  }

  /** Makes `codes` for `lengths`: shorter codes first, then by symbol. */
  assignCodes(): void {
    const { lengths, codes } = this;
    const perLength = new Uint32Array(17);
    for (const length of lengths) perLength[length] = (perLength[length] ?? 0) + 1;
    const next = new Uint32Array(17);
    for (let length = 2; length <= 16; length += 1) {
      next[length] = ((next[length - 1] ?? 0) + (perLength[length - 1] ?? 0)) << 1;
    }
    for (let symbol = 0; symbol < lengths.length; symbol += 1) {
      const length = lengths[symbol] ?? 0;
      if (length === 0) continue;
      let code = next[length] ?? 0;
      next[length] = code + 1;
      let reversed = 0;
      for (let bit = 0; bit < length; bit += 1, code >>= 1) reversed = (reversed << 1) | (code & 1);
      codes[symbol] = reversed;
    }
  }

  /** The symbols that occur, the rarest first; their weights become the tree's leaves. */
  #symbolsByFrequency(): Uint16Array {
    const { frequencies } = this;
    const keys = new Float64Array(frequencies.length);
    let used = 0;
    for (let symbol = 0; symbol < frequencies.length; symbol += 1) {
      const frequency = frequencies[symbol] ?? 0;
      if (frequency > 0) keys[used++] = frequency * 512 + symbol;
    }
    const sorted = keys.subarray(0, used).sort();
    const symbols = new Uint16Array(used);
    for (let index = 0; index < used; index += 1) {
      const key = sorted[index] ?? 0;
      symbols[index] = key % 512;
      this.#weights[index] = Math.floor(key / 512);
    }
    return symbols;
  }

  /** Huffman's tree over the first `leaves` weights: how many codes there are of each length. */
  #codesPerLength(leaves: number): Uint32Array {
    const weights = this.#weights;
    const parents = this.#parents;
    const depths = this.#depths;
    const root = 2 * leaves - 2;
    let leaf = 0;
    let inner = leaves;
    for (let node = leaves; node <= root; node += 1) {
      let sum = 0;
      for (let child = 0; child < 2; child += 1) {
        const takeLeaf =
          leaf < leaves && (inner >= node || (weights[leaf] ?? 0) <= (weights[inner] ?? 0));
        const taken = takeLeaf ? leaf++ : inner++;
        parents[taken] = node;
        sum += weights[taken] ?? 0;
      }
      weights[node] = sum;
    }
    const perLength = new Uint32Array(this.#limit + 1);
    depths[root] = 0;
    // A sum of codes in units of the longest one; more than 2^limit of them do not fit.
    let units = 0;
    for (let node = root - 1; node >= 0; node -= 1) {
      const depth = (depths[parents[node] ?? 0] ?? 0) + 1;
      depths[node] = depth;
      if (node >= leaves) continue;
      const length = Math.min(depth, this.#limit);
      perLength[length] = (perLength[length] ?? 0) + 1;
      units += 1 << (this.#limit - length);
    }
    this.#makeFit(perLength, units);
    return perLength;
  }

  /** Where codes were cut to the limit, lengthens others until all of them fit again. */
  #makeFit(perLength: Uint32Array, units: number): void {
    const limit = this.#limit;
    for (let excess = units - (1 << limit); excess > 0; excess -= 1) {
      let length = limit - 1;
      while (perLength[length] === 0) length -= 1;
      // One code becomes the stem of two, and one of the longest takes the second place.
      perLength[length] = (perLength[length] ?? 0) - 1;
      perLength[length + 1] = (perLength[length + 1] ?? 0) + 2;
      perLength[limit] = (perLength[limit] ?? 0) - 1;
    }
  }
}
