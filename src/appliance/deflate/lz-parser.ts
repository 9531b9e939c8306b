/**
 * First half of compressing a grain: finding what was there before. Hash chains over strings of four
 * bytes, beside them the latest place of each string of three, and lazy evaluation: a match is only
 * taken when the next position has no better one.
 *
 * Worker threads get the source text of this class, so it refers to nothing outside itself.
 */
export class LzParser {
  readonly maximumBytes: number;
  /** One entry a symbol: a literal byte, or 256 + the length of a match (3…258). */
  readonly symbols: Uint16Array;
  /** The distance of a match (1…32768, and never more than the window); unused for a literal. */
  readonly distances: Uint16Array;
  /** The input, with spare bytes behind it, so that four bytes can be loaded from anywhere. */
  readonly data: Uint8Array;
  /** How many places a search looks at, and the length that is good enough to end it. */
  readonly #depth: number;
  readonly #nice: number;
  readonly #windowBytes: number;
  readonly #view: DataView;
  /** Latest position of a string, by its hash. Position 0 stands for none and is never matched. */
  readonly #heads3 = new Uint16Array(1 << 13);
  readonly #heads4 = new Uint16Array(1 << 15);
  /** The position before it with the same hash, for every position. */
  readonly #previous: Uint16Array;
  #length = 0;
  /** All positions before it are in the tables. */
  #inserted = 0;
  #foundDistance = 0;

  /** @param windowBytes how far back a match may be, 32 KiB at most */
  constructor(
    maximumBytes: number,
    windowBytes: number,
    effort: { readonly depth: number; readonly nice: number },
  ) {
    this.maximumBytes = maximumBytes;
    this.symbols = new Uint16Array(maximumBytes);
    this.distances = new Uint16Array(maximumBytes);
    this.#previous = new Uint16Array(maximumBytes);
    this.data = new Uint8Array(maximumBytes + 8);
    this.#view = new DataView(this.data.buffer);
    this.#windowBytes = windowBytes;
    this.#depth = effort.depth;
    this.#nice = effort.nice;
  }

  /** Turns the first `length` bytes of `data` into symbols; returns their number. */
  parse(length: number): number {
    this.#length = length;
    this.#inserted = 0;
    this.#heads3.fill(0);
    this.#heads4.fill(0);
    const { data, symbols, distances } = this;
    const depth = this.#depth;
    let count = 0;
    let position = 0;
    while (position < length) {
      let found = this.#search(position, 2, depth);
      // Three bytes that are far away cost more than three literals.
      if (found < 3 || (found === 3 && this.#foundDistance > 8192)) {
        symbols[count++] = data[position++] ?? 0;
        continue;
      }
      let distance = this.#foundDistance;
      while (found < this.#nice) {
        const next = this.#search(position + 1, found - 1, depth >> 1);
        if (next < found) break;
        // A longer match gains four bits a byte or so, a farther one costs its extra bits.
        const farther = Math.clz32(distance) - Math.clz32(this.#foundDistance);
        if (4 * (next - found) - farther <= 2) break;
        symbols[count++] = data[position++] ?? 0;
        found = next;
        distance = this.#foundDistance;
      }
      symbols[count] = 256 + found;
      distances[count++] = distance;
      position += found;
      this.#insertUpTo(position);
    }
    return count;
  }

  /**
   * Enters `position` into the tables and looks for the longest match there that is longer than
   * `shorter` (2 at least). Returns its length, its distance in `#foundDistance`; 0 when there is none.
   */
  #search(position: number, shorter: number, depth: number): number {
    const view = this.#view;
    const limit = Math.min(258, this.#length - position);
    if (limit < 4 || limit <= shorter) return 0;
    const word = view.getUint32(position, true) | 0;
    const hash3 = Math.imul(word << 8, 0x9e3779b1) >>> 19;
    const hash4 = Math.imul(word, 0x9e3779b1) >>> 17;
    const candidate3 = this.#heads3[hash3] ?? 0;
    let candidate = this.#heads4[hash4] ?? 0;
    this.#heads3[hash3] = position;
    this.#heads4[hash4] = position;
    this.#previous[position] = candidate;
    this.#inserted = position + 1;

    const oldest = Math.max(1, position - this.#windowBytes);
    let best = shorter;
    let found = 0;
    if (best < 3 && candidate3 >= oldest && (view.getUint32(candidate3, true) ^ word) << 8 === 0) {
      best = 3;
      found = 3;
      this.#foundDistance = position - candidate3;
    }
    for (; candidate >= oldest && depth > 0; depth -= 1) {
      // The last four bytes of a longer match decide soonest.
      if (
        (view.getUint32(candidate, true) | 0) === word &&
        (best < 4 ||
          view.getUint32(candidate + best - 3, true) === view.getUint32(position + best - 3, true))
      ) {
        const length = this.#matchLength(candidate, position, limit);
        if (length > best) {
          best = length;
          found = length;
          this.#foundDistance = position - candidate;
          if (length >= this.#nice || length === limit) break;
        }
      }
      candidate = this.#previous[candidate] ?? 0;
    }
    return found;
  }

  /** How many bytes from `candidate` and from `position` are equal, `limit` at most. The first four are. */
  #matchLength(candidate: number, position: number, limit: number): number {
    const view = this.#view;
    let length = 4;
    while (length < limit) {
      const difference =
        view.getUint32(candidate + length, true) ^ view.getUint32(position + length, true);
      if (difference !== 0) {
        // The number of trailing zero bits tells which byte differs first.
        length += (31 - Math.clz32(difference & -difference)) >> 3;
        break;
      }
      length += 4;
    }
    return Math.min(length, limit);
  }

  #insertUpTo(end: number): void {
    const view = this.#view;
    const last = Math.min(end, this.#length - 3);
    for (let position = this.#inserted; position < last; position += 1) {
      const word = view.getUint32(position, true) | 0;
      const hash4 = Math.imul(word, 0x9e3779b1) >>> 17;
      this.#heads3[Math.imul(word << 8, 0x9e3779b1) >>> 19] = position;
      this.#previous[position] = this.#heads4[hash4] ?? 0;
      this.#heads4[hash4] = position;
    }
    this.#inserted = end;
  }
}
