/**
 * One sequence read by several at once. All go in lock-step: the next element is fetched when each of them
 * has asked for it, so none is kept for those who are slow. One that fails ends all; one that leaves early
 * no longer holds up the others.
 */

export type Reader<Element, Result> = (branch: AsyncIterable<Element>) => Promise<Result>;

/**
 * Gives each reader a branch of its own, to be read once. An element is valid until its reader asks for
 * the next one. Returns when all readers have come to an end, and the source has been closed.
 * @throws what the source or the first of the readers failed with
 */
export async function readSideBySide<Element, Result>(
  source: AsyncIterable<Element>,
  readers: readonly Reader<Element, Result>[],
): Promise<Result[]> {
  return new SideBySide(source, readers.length).run(readers);
}

interface Waiting<Element> {
  readonly resolve: (result: IteratorResult<Element, undefined>) => void;
  readonly reject: (thrown: unknown) => void;
}

const END = { done: true, value: undefined } as const;

class SideBySide<Element> {
  readonly #source: AsyncIterator<Element>;
  /** The numbers of the readers that may still ask. */
  readonly #present: Set<number>;
  readonly #waiting = new Map<number, Waiting<Element>>();
  #failure: { readonly thrown: unknown } | undefined;
  #isAtEnd = false;

  constructor(source: AsyncIterable<Element>, readers: number) {
    this.#source = source[Symbol.asyncIterator]();
    this.#present = new Set(Array.from({ length: readers }, (_, index) => index));
  }

  async run<Result>(readers: readonly Reader<Element, Result>[]): Promise<Result[]> {
    const results: Result[] = [];
    const work = readers.map(async (read, index) => {
      try {
        results[index] = await read(this.#branch(index));
      } catch (thrown) {
        this.#fail(thrown);
      } finally {
        this.#leave(index);
      }
    });
    await Promise.all(work);
    await this.#close();
    if (this.#failure) throw this.#failure.thrown;
    return results;
  }

  #branch(index: number): AsyncIterable<Element> {
    const iterator: AsyncIterator<Element, undefined> = {
      next: () => this.#next(index),
      return: () => {
        this.#leave(index);
        return Promise.resolve(END);
      },
    };
    return { [Symbol.asyncIterator]: () => iterator };
  }

  #next(index: number): Promise<IteratorResult<Element, undefined>> {
    if (this.#failure) return Promise.reject(this.#failure.thrown);
    if (this.#isAtEnd || !this.#present.has(index)) return Promise.resolve(END);
    return new Promise((resolve, reject) => {
      this.#waiting.set(index, { resolve, reject });
      this.#fetchIfAllWait();
    });
  }

  #leave(index: number): void {
    if (!this.#present.delete(index)) return;
    this.#waiting.get(index)?.resolve(END);
    this.#waiting.delete(index);
    this.#fetchIfAllWait();
  }

  #fetchIfAllWait(): void {
    if (this.#present.size === 0 || this.#waiting.size < this.#present.size) return;
    if (this.#failure || this.#isAtEnd) return;
    const all = [...this.#waiting];
    this.#waiting.clear();
    void this.#fetch(all.map(([, waiting]) => waiting));
  }

  /** Never fails itself. */
  async #fetch(all: readonly Waiting<Element>[]): Promise<void> {
    try {
      const { done, value } = await this.#source.next();
      if (done === true) this.#isAtEnd = true;
      for (const { resolve } of all) resolve(done === true ? END : { done: false, value });
    } catch (thrown) {
      this.#fail(thrown);
      for (const { reject } of all) reject(thrown);
    }
  }

  /** The first failure is everybody's. */
  #fail(thrown: unknown): void {
    this.#failure ??= { thrown };
    for (const { reject } of this.#waiting.values()) reject(this.#failure.thrown);
    this.#waiting.clear();
  }

  /** Whatever the source has open is given back; what it says then no longer matters. */
  async #close(): Promise<void> {
    if (!this.#isAtEnd) await this.#source.return?.()?.catch(() => {});
  }
}
