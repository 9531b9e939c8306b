/**
 * The link's language: what guest and host say to each other on the serial line that is theirs alone.
 * One definition for both ends.
 *
 * Each message is one line: the mark, the protocol's version, a checksum, a space, JSON, a newline.
 * A serial line carries noise (firmware, a kernel that picks the wrong port, a flood, half a line),
 * so a line that does not begin with the mark, or whose checksum is wrong, is noise and is counted,
 * never guessed at.
 */
import { crc32 } from 'node:zlib';
import type { Amount } from '../system/progress.ts';

export const LINK_VERSION = 1;

/** ASCII record separator (as in RFC 7464), then our name: no console output starts like this. */
const MARK = '\u001epvmc';

/** A longer line is noise; the host must not collect an endless one. */
export const MAXIMUM_LINE_BYTES = 256 * 1024;

export type GuestMessage =
  /** The constructor's first words. */
  | {
      readonly type: 'hello';
      readonly constructor: string;
      readonly kernel: string;
      readonly uptimeSeconds: number;
    }
  /** The steps that will be done, in order. */
  | {
      readonly type: 'plan';
      readonly steps: readonly { readonly name: string; readonly title: string }[];
    }
  | { readonly type: 'step-started'; readonly step: string }
  | { readonly type: 'step-finished'; readonly step: string; readonly seconds: number }
  | { readonly type: 'amount'; readonly step: string; readonly amount: Amount }
  | { readonly type: 'log'; readonly origin: string; readonly line: string }
  | { readonly type: 'notice'; readonly line: string }
  /** Sent when nothing else was said for a while: the guest lives. */
  | { readonly type: 'alive'; readonly uptimeSeconds: number }
  /** A file for the host's build folder (a log, the journal), in base64 pieces. */
  | {
      readonly type: 'file';
      readonly name: string;
      readonly last: boolean;
      readonly base64: string;
    }
  /**
   * The disk is at rest, with all of it that `key` stands for done: it may be copied. The guest waits
   * for the host's answer.
   */
  | { readonly type: 'checkpoint'; readonly name: string; readonly key: string }
  | { readonly type: 'verdict'; readonly verdict: Verdict };

/** What the host may say. A guest that hears nothing does the same work, but for checkpoints. */
export type HostMessage =
  /** The answer to `hello`: what this host can do. */
  | { readonly type: 'welcome'; readonly checkpoints: boolean }
  /** The disk was copied: the guest may go on. */
  | { readonly type: 'checkpoint-taken'; readonly name: string }
  /** No copy was made: the guest may go on all the same. */
  | { readonly type: 'checkpoint-refused'; readonly name: string; readonly why: string };

export type Verdict =
  | { readonly ok: true; readonly seconds: number }
  | {
      readonly ok: false;
      readonly step: string;
      readonly code: string;
      readonly message: string;
      readonly hint?: string | undefined;
      readonly details: readonly string[];
    };

export type LinkEvent =
  /** What the other end said, word for word; what kind of message it is, the reader has to check. */
  | { readonly type: 'message'; readonly message: unknown }
  /** The other end speaks another version of the protocol. */
  | { readonly type: 'foreign-version'; readonly version: number }
  /** A line that is none of ours; `text` is its beginning. */
  | { readonly type: 'noise'; readonly text: string };

/** One message of the guest as its line. One whose line would be too long is the sender's mistake. */
export function encodeMessage(message: GuestMessage): string {
  return encodeLine(message);
}

/** One message of the host as its line. */
export function encodeHostMessage(message: HostMessage): string {
  return encodeLine(message);
}

function encodeLine(message: GuestMessage | HostMessage): string {
  const json = JSON.stringify(message);
  return `${MARK}${LINK_VERSION} ${checksum(json)} ${json}\n`;
}

const NEWLINE = 0x0a;

/** Turns what arrives, in pieces of any size, into messages. Keeps one line's bytes at most. */
export class LinkDecoder {
  /** The pieces of the line that has not ended yet. */
  #pieces: Uint8Array[] = [];
  #pendingBytes = 0;
  /** The line is too long: it was reported, and its end is awaited. */
  #skipping = false;

  /** The events of the lines that `bytes` completes. */
  push(bytes: Uint8Array): LinkEvent[] {
    const events: LinkEvent[] = [];
    let start = 0;
    for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, start)) {
      this.#keep(bytes.subarray(start, end), events);
      if (!this.#skipping) events.push(decodeLine(this.#pending()));
      this.#forget();
      this.#skipping = false;
      start = end + 1;
    }
    this.#keep(bytes.subarray(start), events);
    return events;
  }

  /** What stands on the line when the other end has gone: half a line is noise. */
  end(): LinkEvent[] {
    if (this.#pendingBytes === 0) return [];
    const text = beginningOf(this.#pending());
    this.#forget();
    return [{ type: 'noise', text }];
  }

  #keep(piece: Uint8Array, events: LinkEvent[]): void {
    if (this.#skipping || piece.length === 0) return;
    // Copied: the caller may use its buffer again, and a small piece must not keep a large one alive.
    this.#pieces.push(Uint8Array.from(piece));
    this.#pendingBytes += piece.length;
    // Bytes that come one by one are joined now and then, so that they do not cost a hundredfold.
    if (this.#pieces.length >= 4096) this.#pieces = [this.#pending()];
    if (this.#pendingBytes <= MAXIMUM_LINE_BYTES) return;
    events.push({ type: 'noise', text: beginningOf(this.#pending()) });
    this.#forget();
    this.#skipping = true;
  }

  #pending(): Buffer {
    return Buffer.concat(this.#pieces, this.#pendingBytes);
  }

  #forget(): void {
    this.#pieces = [];
    this.#pendingBytes = 0;
  }
}

function decodeLine(line: Buffer): LinkEvent {
  const text = line.toString('utf8').replace(/\r{1,8}$/, '');
  // Noise without a newline may stand before the mark. JSON itself never holds it.
  const start = text.lastIndexOf(MARK);
  const match =
    start < 0 ? null : /^(\d{1,4}) ([0-9a-f]{8}) (.*)$/s.exec(text.slice(start + MARK.length));
  if (!match) return { type: 'noise', text: beginningOf(line) };
  const [, version, sum, json = ''] = match;
  if (Number(version) !== LINK_VERSION)
    return { type: 'foreign-version', version: Number(version) };
  if (sum !== checksum(json)) return { type: 'noise', text: beginningOf(line) };
  try {
    return { type: 'message', message: JSON.parse(json) };
  } catch {
    return { type: 'noise', text: beginningOf(line) };
  }
}

/** Enough of a line of noise to recognize where it comes from. */
function beginningOf(line: Buffer): string {
  const shown = line.toString('utf8', 0, 200).replace(/\r$/, '');
  return line.length > 200 ? `${shown}…` : shown;
}

function checksum(json: string): string {
  return crc32(json).toString(16).padStart(8, '0');
}
