/**
 * Deflate's symbols for the lengths and distances of matches (RFC 1951, 3.2.5).
 *
 * Worker threads get the source text of this class, so it refers to nothing outside itself.
 */
export class SymbolTables {
  /** By a match's length, 3…258. */
  readonly lengthSymbols = new Uint16Array(259);
  /** By symbol: the shortest length that it stands for, and how many extra bits tell which. */
  readonly lengthBase = new Uint16Array(286);
  readonly lengthExtra = new Uint8Array(286);
  readonly distanceBase = new Uint16Array(30);
  readonly distanceExtra = new Uint8Array(30);
  /** By distance - 1 up to 256, behind that in steps of 128: no symbol changes in between. */
  readonly #distanceSymbols = new Uint8Array(512);

  constructor() {
    let base = 3;
    for (let symbol = 257; symbol < 285; symbol += 1) {
      const extra = symbol < 265 ? 0 : (symbol - 261) >> 2;
      this.lengthExtra[symbol] = extra;
      this.lengthBase[symbol] = base;
      this.lengthSymbols.fill(symbol, base, base + (1 << extra));
      base += 1 << extra;
    }
    // The longest match has a symbol of its own.
    this.lengthSymbols[258] = 285;
    this.lengthBase[285] = 258;
    base = 1;
    for (let symbol = 0; symbol < 30; symbol += 1) {
      const extra = symbol < 4 ? 0 : (symbol - 2) >> 1;
      this.distanceExtra[symbol] = extra;
      this.distanceBase[symbol] = base;
      const end = base + (1 << extra);
      if (base <= 256) this.#distanceSymbols.fill(symbol, base - 1, end - 1);
      else this.#distanceSymbols.fill(symbol, 256 + ((base - 1) >> 7), 256 + ((end - 1) >> 7));
      base = end;
    }
  }

  distanceSymbol(distance: number): number {
    const index = distance <= 256 ? distance - 1 : 256 + ((distance - 1) >> 7);
    return this.#distanceSymbols[index] ?? 0;
  }
}
