/**
 * How a block with its own codes describes them (RFC 1951, 3.2.7): the codes' lengths, repetitions
 * shortened, in a third code.
 *
 * Worker threads get the source text of this class, so it refers to nothing outside itself.
 */
import type { PrefixCode } from './prefix-code.ts';

export interface Description {
  /** Pairs of a value and the number of its bits. */
  readonly fields: readonly number[];
  readonly bits: number;
}

export class CodeDescription {
  readonly #lengths: PrefixCode;
  /** The order in which the third code's own lengths come: likely zeros last. */
  readonly #order = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15] as const;

  /** @param lengths a code of 19 symbols, 7 bits at most */
  constructor(lengths: PrefixCode) {
    this.#lengths = lengths;
  }

  describe(literals: PrefixCode, distances: PrefixCode): Description {
    const literalCount = this.#used(literals.lengths, 257);
    const distanceCount = this.#used(distances.lengths, 1);
    const all = new Uint8Array(literalCount + distanceCount);
    all.set(literals.lengths.subarray(0, literalCount));
    all.set(distances.lengths.subarray(0, distanceCount), literalCount);
    const runs = this.#runs(all);
    const own = this.#lengths;
    own.frequencies.fill(0);
    for (let index = 0; index < runs.length; index += 3) {
      const symbol = runs[index] ?? 0;
      own.frequencies[symbol] = (own.frequencies[symbol] ?? 0) + 1;
    }
    own.build();
    const inOrder = Uint8Array.from(this.#order, (symbol) => own.lengths[symbol] ?? 0);
    const ownCount = this.#used(inOrder, 4);
    const fields = [literalCount - 257, 5, distanceCount - 1, 5, ownCount - 4, 4];
    for (const length of inOrder.subarray(0, ownCount)) fields.push(length, 3);
    for (let index = 0; index < runs.length; index += 3) {
      const symbol = runs[index] ?? 0;
      fields.push(own.codes[symbol] ?? 0, own.lengths[symbol] ?? 0);
      fields.push(runs[index + 1] ?? 0, runs[index + 2] ?? 0);
    }
    let bits = 0;
    for (let index = 1; index < fields.length; index += 2) bits += fields[index] ?? 0;
    return { fields, bits };
  }

  /** How many lengths are left without the zeros at the end, but `least` of them. */
  #used(lengths: Uint8Array, least: number): number {
    let count = lengths.length;
    while (count > least && lengths[count - 1] === 0) count -= 1;
    return count;
  }

  /** Triples: a symbol, a repetition and the number of its bits. */
  #runs(lengths: Uint8Array): readonly number[] {
    const runs: number[] = [];
    for (let index = 0; index < lengths.length; ) {
      const value = lengths[index] ?? 0;
      let run = 1;
      while (lengths[index + run] === value) run += 1;
      index += run;
      if (value === 0) {
        for (; run >= 11; run -= Math.min(run, 138)) runs.push(18, Math.min(run, 138) - 11, 7);
        if (run >= 3) runs.push(17, run - 3, 3);
        if (run >= 3) run = 0;
      } else {
        runs.push(value, 0, 0);
        run -= 1;
        for (; run >= 3; run -= Math.min(run, 6)) runs.push(16, Math.min(run, 6) - 3, 2);
      }
      for (; run > 0; run -= 1) runs.push(value, 0, 0);
    }
    return runs;
  }
}
