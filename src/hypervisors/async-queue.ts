/** A queue with one reader: what is put in before anybody reads is kept for them. */
export class AsyncQueue<Item> implements AsyncIterable<Item> {
  readonly #items: Item[] = [];
  #closed = false;
  #wake = () => {};

  put(item: Item): void {
    if (this.#closed) return;
    this.#items.push(item);
    this.#wake();
  }

  /** The reader ends when it has taken what is left. */
  close(): void {
    this.#closed = true;
    this.#wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Item, void> {
    for (;;) {
      for (let item = this.#items.shift(); item !== undefined; item = this.#items.shift())
        yield item;
      if (this.#closed) return;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}
