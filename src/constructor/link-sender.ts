/**
 * The guest's end of the link. Words leave in the order in which they were said, without anybody
 * waiting for the line; a machine without a second serial line (metal) is simply not heard.
 */
import { type FileHandle, open } from 'node:fs/promises';
import { uptime } from 'node:os';
import { encodeMessage, type GuestMessage } from '../link/protocol.ts';
import { run } from '../system/run.ts';

const ALIVE_MILLISECONDS = 10_000;
/** Half of what a message may hold, since base64 and JSON make it longer. */
const FILE_PIECE_BYTES = 96 * 1024;

export class LinkSender {
  readonly #line: FileHandle | undefined;
  #queue: Promise<void> = Promise.resolve();
  #lastSaid = performance.now();
  readonly #heartbeat: NodeJS.Timeout;

  private constructor(line: FileHandle | undefined) {
    this.#line = line;
    this.#heartbeat = setInterval(() => this.#sayAlive(), ALIVE_MILLISECONDS);
    this.#heartbeat.unref();
  }

  /** Opens the serial line; a line that cannot be opened makes a sender that nobody hears. */
  static async open(path: string): Promise<LinkSender> {
    try {
      await run(['stty', '-F', path, 'raw', '-echo', '115200']);
      return new LinkSender(await open(path, 'r+'));
    } catch {
      return new LinkSender(undefined);
    }
  }

  say(message: GuestMessage): void {
    this.#lastSaid = performance.now();
    const line = this.#line;
    if (!line) return;
    const bytes = Buffer.from(encodeMessage(message));
    this.#queue = this.#queue.then(() => writeAll(line, bytes)).catch(() => {});
  }

  /** Sends a file in pieces. */
  sendFile(name: string, content: Buffer): void {
    for (let start = 0; start === 0 || start < content.length; start += FILE_PIECE_BYTES) {
      const end = start + FILE_PIECE_BYTES;
      const base64 = content.toString('base64', start, Math.min(end, content.length));
      this.say({ type: 'file', name, last: end >= content.length, base64 });
    }
  }

  /** Resolves when everything said so far has left. */
  async flush(): Promise<void> {
    await this.#queue;
  }

  async close(): Promise<void> {
    clearInterval(this.#heartbeat);
    await this.flush();
    await this.#line?.close();
  }

  #sayAlive(): void {
    if (performance.now() - this.#lastSaid < ALIVE_MILLISECONDS) return;
    this.say({ type: 'alive', uptimeSeconds: uptime() });
  }
}

async function writeAll(line: FileHandle, bytes: Buffer): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    done += (await line.write(bytes, done, bytes.length - done)).bytesWritten;
  }
}
