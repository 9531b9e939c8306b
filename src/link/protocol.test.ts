import { crc32 } from 'node:zlib';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  encodeMessage,
  type GuestMessage,
  LinkDecoder,
  type LinkEvent,
  MAXIMUM_LINE_BYTES,
} from './protocol.ts';

const log = (line: string): GuestMessage => ({ type: 'log', origin: 'apt', line });

function decode(text: string | Uint8Array): LinkEvent[] {
  return new LinkDecoder().push(typeof text === 'string' ? Buffer.from(text) : text);
}

/** A line of any version, well-formed. */
function foreignLine(version: number, json: string): string {
  return `\u001epvmc${version} ${crc32(json).toString(16).padStart(8, '0')} ${json}\n`;
}

describe('a line', () => {
  it('is the mark, the version, a checksum and JSON', () => {
    // The checksum is that of zlib and of Python's binascii.
    expect(encodeMessage({ type: 'alive', uptimeSeconds: 7 })).toBe(
      '\u001epvmc1 7cdbb182 {"type":"alive","uptimeSeconds":7}\n',
    );
  });

  it('is understood with the carriage returns that terminals add, and with noise before it', () => {
    const line = encodeMessage(log('Übung'));
    expect(decode(line.replace('\n', '\r\r\n'))).toEqual([
      { type: 'message', message: log('Übung') },
    ]);
    expect(decode(`[    0.5] pci 0000${line}`)).toEqual([
      { type: 'message', message: log('Übung') },
    ]);
    expect(decode(line.slice(0, 20) + line)).toEqual([{ type: 'message', message: log('Übung') }]);
  });

  it('is noise when a single byte of it is another', () => {
    const line = encodeMessage(log('twenty packages of 120'));
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: line.length - 2 }),
        fc.integer({ min: 0x20, max: 0x7e }),
        (at, byte) => {
          fc.pre(line.charCodeAt(at) !== byte);
          const wrong = Buffer.from(line);
          wrong[at] = byte;
          expect(decode(wrong)[0]?.type).not.toBe('message');
        },
      ),
    );
  });

  it('of another version is told apart', () => {
    expect(decode(foreignLine(2, '{"kind":"new"}'))).toEqual([
      { type: 'foreign-version', version: 2 },
    ]);
  });

  it('with a right checksum over what is no JSON is noise', () => {
    expect(decode(foreignLine(1, '{"type":'))[0]?.type).toBe('noise');
  });

  it('that is too long is reported once, and the next one is understood', () => {
    const flood = Buffer.alloc(3 * MAXIMUM_LINE_BYTES, 'x');
    const decoder = new LinkDecoder();
    expect(decoder.push(flood)).toEqual([{ type: 'noise', text: `${'x'.repeat(200)}…` }]);
    expect(decoder.push(flood)).toEqual([]);
    expect(decoder.push(Buffer.from(`\n${encodeMessage(log('after'))}`))).toEqual([
      { type: 'message', message: log('after') },
    ]);
  });

  it('that breaks off is noise at the end', () => {
    const decoder = new LinkDecoder();
    expect(decoder.push(Buffer.from('half a li'))).toEqual([]);
    expect(decoder.end()).toEqual([{ type: 'noise', text: 'half a li' }]);
    expect(decoder.end()).toEqual([]);
  });
});

describe('the decoder', () => {
  const messages = fc.array(fc.string({ unit: 'binary', maxLength: 300 }).map(log), {
    maxLength: 20,
  });

  it('finds the same in pieces of any size', () => {
    fc.assert(
      fc.property(messages, fc.array(fc.nat(40), { minLength: 1 }), (said, sizes) => {
        const bytes = Buffer.from(said.map(encodeMessage).join(''));
        const decoder = new LinkDecoder();
        const heard: LinkEvent[] = [];
        for (let start = 0, turn = 0; start < bytes.length; turn += 1) {
          const end = start + 1 + (sizes[turn % sizes.length] ?? 0);
          heard.push(...decoder.push(bytes.subarray(start, end)));
          start = end;
        }
        // Through JSON as the line does it: lone surrogates come out escaped and whole.
        const expected = said.map((message) => ({
          type: 'message',
          message: JSON.parse(JSON.stringify(message)),
        }));
        expect(heard).toEqual(expected);
      }),
    );
  });

  it('loses no message among lines of noise, and takes no noise for one', () => {
    const noise = fc
      .uint8Array({ maxLength: 500 })
      .filter((bytes) => !Buffer.from(bytes).includes('\u001epvmc'));
    fc.assert(
      fc.property(fc.array(fc.tuple(noise, fc.nat(1e6)), { maxLength: 20 }), (turns) => {
        const pieces = turns.flatMap(([bytes, number]) => [
          Buffer.from(bytes),
          Buffer.from(`\n${encodeMessage(log(String(number)))}`),
        ]);
        const heard = decode(Buffer.concat(pieces));
        expect(heard.filter(({ type }) => type === 'message')).toEqual(
          turns.map(([, number]) => ({ type: 'message', message: log(String(number)) })),
        );
      }),
    );
  });

  it('takes a long line byte by byte, and a flood of megabytes, without slowing down', () => {
    const started = performance.now();
    const long = Buffer.from(encodeMessage(log('x'.repeat(200 * 1024))));
    const decoder = new LinkDecoder();
    const heard: LinkEvent[] = [];
    for (const byte of long) heard.push(...decoder.push(Uint8Array.of(byte)));
    expect(heard).toHaveLength(1);
    const flood = Buffer.alloc(64 * 1024, 'noise without an end ');
    for (let turn = 0; turn < 512; turn += 1) decoder.push(flood);
    // Joining all that is pending at every byte took a quarter of a minute.
    expect(performance.now() - started).toBeLessThan(3000);
  });
});
