/** Reads the console's log as it grows, in lines. Whatever a guest writes, little is held in memory. */
import { open, stat } from 'node:fs/promises';
import { consoleLines } from './console-log.ts';

/** Of a flood only the end is looked at. */
const LONGEST_READ_BYTES = 2 ** 20;
/** Of a line that does not end, too; every sign is shorter. */
const LONGEST_LINE_BYTES = 4096;
const KEPT_LINES = 40;
const NEWLINE = 0x0a;

export class ConsoleReader {
  readonly #path: string;
  #offset: number;
  /** What stands on the line that has not ended yet, as bytes: a character may be cut in two. */
  #unended: Buffer = Buffer.alloc(0);
  #ended: readonly string[] = [];
  #unendedLines: readonly string[] = [];

  private constructor(path: string, offset: number) {
    this.#path = path;
    this.#offset = offset;
  }

  /** Reads what is written from now on: an earlier run may have left its console in the same file. */
  static async fromNow(path: string): Promise<ConsoleReader> {
    const size = await stat(path).then(
      (found) => found.size,
      () => 0,
    );
    return new ConsoleReader(path, size);
  }

  /** The last lines that were read. */
  get recent(): readonly string[] {
    return [...this.#ended, ...this.#unendedLines].slice(-KEPT_LINES);
  }

  /**
   * The lines since the last time, without the empty ones and without what steers a terminal. A line
   * that has not ended, like a prompt, is among them, and comes again when it has grown.
   */
  async read(): Promise<readonly string[]> {
    const grown = await this.#readGrown();
    if (grown.length === 0) return [];
    const bytes = Buffer.concat([this.#unended, grown]);
    const end = bytes.lastIndexOf(NEWLINE) + 1;
    const ended = consoleLines(bytes.toString('utf8', 0, end));
    // Copied, so that a small piece does not keep a large one alive.
    this.#unended = Buffer.from(bytes.subarray(end).subarray(-LONGEST_LINE_BYTES));
    this.#ended = [...this.#ended, ...ended].slice(-KEPT_LINES);
    this.#unendedLines = consoleLines(this.#unended.toString('utf8'));
    return [...ended, ...this.#unendedLines];
  }

  async #readGrown(): Promise<Buffer> {
    // There is none before the machine has started.
    const file = await open(this.#path).catch(() => undefined);
    if (!file) return Buffer.alloc(0);
    try {
      const { size } = await file.stat();
      const start = Math.max(this.#offset, size - LONGEST_READ_BYTES);
      if (start >= size) return Buffer.alloc(0);
      const buffer = Buffer.alloc(size - start);
      const { bytesRead } = await file.read(buffer, 0, buffer.length, start);
      this.#offset = start + bytesRead;
      return buffer.subarray(0, bytesRead);
    } finally {
      await file.close();
    }
  }
}
