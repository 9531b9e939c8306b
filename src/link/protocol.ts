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
  | { readonly type: 'verdict'; readonly verdict: Verdict };

export type Verdict =
  | {
      readonly ok: true;
      readonly seconds: number;
      readonly facts: Readonly<Record<string, string | number>>;
    }
  | {
      readonly ok: false;
      readonly step: string;
      readonly code: string;
      readonly message: string;
      readonly hint?: string | undefined;
      readonly details: readonly string[];
    };

export type LinkEvent =
  | { readonly type: 'message'; readonly message: GuestMessage }
  /** The other end speaks another version of the protocol. */
  | { readonly type: 'foreign-version'; readonly version: number }
  | { readonly type: 'noise'; readonly text: string };

/** One message as the bytes of its line. */
export function encodeMessage(message: GuestMessage): string {
  const json = JSON.stringify(message);
  return `${MARK}${LINK_VERSION} ${checksum(json)} ${json}\n`;
}

/** Turns what arrives, in pieces of any size, into messages. */
export class LinkDecoder {
  #pending = Buffer.alloc(0);
  #skipping = false;

  /** The events of the lines that `bytes` completes. */
  push(bytes: Uint8Array): LinkEvent[] {
    const events: LinkEvent[] = [];
    let rest = Buffer.concat([this.#pending, bytes]);
    for (let end = rest.indexOf(0x0a); end >= 0; end = rest.indexOf(0x0a)) {
      if (!this.#skipping) events.push(decodeLine(rest.subarray(0, end)));
      this.#skipping = false;
      rest = rest.subarray(end + 1);
    }
    if (rest.length > MAXIMUM_LINE_BYTES) {
      if (!this.#skipping) events.push({ type: 'noise', text: `${rest.toString('utf8', 0, 80)}…` });
      this.#skipping = true;
      rest = Buffer.alloc(0);
    }
    this.#pending = Buffer.from(rest);
    return events;
  }
}

function decodeLine(line: Buffer): LinkEvent {
  const text = line.toString('utf8').replace(/\r+$/, '');
  // Noise without a newline may stand before the mark.
  const start = text.lastIndexOf(MARK);
  const match =
    start < 0 ? null : /^(\d+) ([0-9a-f]{8}) (.*)$/s.exec(text.slice(start + MARK.length));
  if (!match) return { type: 'noise', text };
  const [, version, sum, json = ''] = match;
  if (Number(version) !== LINK_VERSION)
    return { type: 'foreign-version', version: Number(version) };
  if (sum !== checksum(json)) return { type: 'noise', text };
  try {
    return { type: 'message', message: JSON.parse(json) as GuestMessage };
  } catch {
    return { type: 'noise', text };
  }
}

function checksum(json: string): string {
  return crc32(json).toString(16).padStart(8, '0');
}
