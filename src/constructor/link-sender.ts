/**
 * Speaks to the host on the link. Words leave in the order in which they were said, without anybody
 * waiting for the line; a machine without a second serial line (metal) is simply not heard.
 */
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { uptime } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { encodeMessage, type GuestMessage } from '../link/protocol.ts';
import { systemCodeOf } from '../system/error.ts';
import { run } from '../system/run.ts';

const ALIVE_MILLISECONDS = 10_000;
/** Half of what a message may hold, since base64 and JSON make it longer. */
const FILE_PIECE_BYTES = 96 * 1024;
/** At the end, a line that takes nothing for so long has nobody at its other end. */
const STUCK_MILLISECONDS = 30_000;
const FULL_LINE_MILLISECONDS = 5;

export class LinkSender {
  readonly #line: FileHandle | undefined;
  #queue: Promise<void> = Promise.resolve();
  #lastSaid = performance.now();
  #lastTaken = performance.now();
  #closing = false;
  readonly #heartbeat: NodeJS.Timeout;

  private constructor(line: FileHandle | undefined) {
    this.#line = line;
    this.#heartbeat = setInterval(() => this.#sayAlive(), ALIVE_MILLISECONDS);
    this.#heartbeat.unref();
  }

  /** Opens the serial line; a line that cannot be opened makes a sender that nobody hears. */
  static async open(path: string | undefined): Promise<LinkSender> {
    if (path === undefined) return new LinkSender(undefined);
    try {
      await run(['stty', '-F', path, 'raw', '-echo', '115200']);
      // Never this program's controlling terminal, whose other end could end it; and never waited for
      // in a system call, which would keep the program from ending.
      const { O_WRONLY, O_NOCTTY, O_NONBLOCK } = constants;
      return new LinkSender(await open(path, O_WRONLY | O_NOCTTY | O_NONBLOCK));
    } catch {
      return new LinkSender(undefined);
    }
  }

  say(message: GuestMessage): void {
    this.#lastSaid = performance.now();
    const line = this.#line;
    if (!line) return;
    const bytes = Buffer.from(encodeMessage(message));
    this.#queue = this.#queue.then(() => this.#write(line, bytes)).catch(() => {});
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
    this.#lastTaken = performance.now();
    this.#closing = true;
    await this.flush();
    await this.#line?.close();
  }

  /** A host that stands still for a while (stopped, busy) is waited for. */
  async #write(line: FileHandle, bytes: Buffer): Promise<void> {
    for (let done = 0; done < bytes.length; ) {
      const taken = await writeSome(line, bytes.subarray(done));
      done += taken;
      if (taken > 0) this.#lastTaken = performance.now();
      else if (this.#closing && performance.now() - this.#lastTaken > STUCK_MILLISECONDS) return;
      else await sleep(FULL_LINE_MILLISECONDS);
    }
  }

  #sayAlive(): void {
    if (performance.now() - this.#lastSaid < ALIVE_MILLISECONDS) return;
    this.say({ type: 'alive', uptimeSeconds: uptime() });
  }
}

/** What the line takes at once: nothing while it is full. */
async function writeSome(line: FileHandle, bytes: Buffer): Promise<number> {
  try {
    return (await line.write(bytes)).bytesWritten;
  } catch (thrown) {
    if (systemCodeOf(thrown) === 'EAGAIN') return 0;
    throw thrown;
  }
}
