/**
 * What a piece of work has acquired and must give back: processes, mounts, folders. Released in
 * reverse order, always, and a failing release never hides the error that led to it.
 */
export class Releases implements AsyncDisposable {
  readonly #stack: { readonly what: string; readonly release: () => Promise<void> | void }[] = [];
  readonly #onFailure: (what: string, failure: unknown) => void;

  constructor(onFailure: (what: string, failure: unknown) => void = () => {}) {
    this.#onFailure = onFailure;
  }

  /** Registers how to give `what` back. */
  add(what: string, release: () => Promise<void> | void): void {
    this.#stack.push({ what, release });
  }

  /** Gives everything back, the latest first. Never throws; may be called again. */
  async releaseAll(): Promise<void> {
    for (let next = this.#stack.pop(); next; next = this.#stack.pop()) {
      try {
        await next.release();
      } catch (failure) {
        this.#onFailure(next.what, failure);
      }
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.releaseAll();
  }
}
