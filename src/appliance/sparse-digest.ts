/**
 * The SHA-256 of a file that is written with holes, taken on the way: reading it again would cost more,
 * since a hole is as long as what it stands for. A digest has no way past the zeros themselves.
 */
import { createHash } from 'node:crypto';
import { setImmediate as breathe } from 'node:timers/promises';

const ZEROS = Buffer.alloc(2 ** 20);
/** After as many zeros others get a turn: some 20 ms. */
const ZEROS_AT_ONCE = 32;

export class SparseDigest {
  readonly #hash = createHash('sha256');
  readonly #signal: AbortSignal;
  #position = 0;

  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  /** In the order of the file; what is between two calls is zeros. */
  async add(bytes: Uint8Array, position: number): Promise<void> {
    await this.#addZerosUpTo(position);
    this.#hash.update(bytes);
    this.#position += bytes.length;
  }

  /** In hexadecimal. @throws the signal's reason when it was aborted */
  async finish(sizeBytes: number): Promise<string> {
    await this.#addZerosUpTo(sizeBytes);
    return this.#hash.digest('hex');
  }

  async #addZerosUpTo(end: number): Promise<void> {
    for (let round = 1; this.#position < end; round += 1) {
      const length = Math.min(ZEROS.length, end - this.#position);
      this.#hash.update(ZEROS.subarray(0, length));
      this.#position += length;
      if (round % ZEROS_AT_ONCE > 0) continue;
      await breathe();
      this.#signal.throwIfAborted();
    }
  }
}
