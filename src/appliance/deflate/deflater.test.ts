import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { runInThisContext } from 'node:vm';
import { deflateSync, inflateRawSync, inflateSync } from 'node:zlib';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { deflaterSource, makeDeflater } from './deflater-source.ts';

const GRAIN = 65536;
const deflater = makeDeflater(GRAIN);

function deflated(data: Uint8Array, by = deflater): Buffer {
  const out = Buffer.alloc(GRAIN + GRAIN / 128 + 20);
  by.input.set(data);
  return out.subarray(0, by.deflate(data.length, out, 0));
}

/** Machine code, text and tables: what disks hold. */
const program = readFileSync(process.execPath).subarray(0, 64 * GRAIN);

describe('deflate', () => {
  it.each([
    ['nothing', new Uint8Array(0)],
    ['one byte', Uint8Array.of(7)],
    ['a grain of one byte', Buffer.alloc(GRAIN, 0xaa)],
    ['noise', randomBytes(GRAIN)],
    ['text', Buffer.from('all work and no play makes Jack a dull boy. '.repeat(1400))],
    ['noise behind text', Buffer.concat([Buffer.alloc(40000, 'pvmc '), randomBytes(25000)])],
    [
      'a match over the whole window',
      Buffer.concat([program.subarray(0, 32768), program.subarray(0, 32768)]),
    ],
  ])('of %s is what inflate undoes', (_, data) => {
    expect(inflateSync(deflated(data)).equals(data)).toBe(true);
  });

  it('is undone by inflate whatever the data', () => {
    const runs = fc.array(
      fc.oneof(
        fc.uint8Array({ maxLength: 300 }),
        fc
          .tuple(fc.uint8Array({ minLength: 1, maxLength: 5 }), fc.integer({ min: 1, max: 2000 }))
          .map(([unit, times]) => Buffer.alloc(unit.length * times, unit)),
      ),
      { maxLength: 12 },
    );
    fc.assert(
      fc.property(runs, (parts) => {
        const data = Buffer.concat(parts).subarray(0, GRAIN);
        expect(inflateSync(deflated(data)).equals(data)).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  it('gives code lengths that fit when frequencies grow like Fibonacci numbers', () => {
    const counts = [1, 1];
    while (counts.length < 22) counts.push((counts.at(-1) ?? 0) + (counts.at(-2) ?? 0));
    // Shuffled in a fixed way, so that there is little to match.
    const data = Buffer.concat(counts.map((count, byte) => Buffer.alloc(count, byte))).subarray(
      0,
      GRAIN,
    );
    for (let index = 0; index < data.length; index += 1) {
      const other = (index * 40503 + 7) % data.length;
      const byte = data.readUInt8(index);
      data.writeUInt8(data.readUInt8(other), index);
      data.writeUInt8(byte, other);
    }
    expect(inflateSync(deflated(data)).equals(data)).toBe(true);
  });

  it('compresses better than zlib at its usual level, and noise costs next to nothing', () => {
    let own = 0;
    let zlib = 0;
    for (let from = 0; from < program.length; from += GRAIN) {
      const grain = program.subarray(from, from + GRAIN);
      own += deflated(grain).length;
      zlib += deflateSync(grain).length;
    }
    expect(own).toBeLessThan(zlib);
    // A grain with its header has 129 sectors at most.
    expect(deflated(randomBytes(GRAIN)).length).toBeLessThanOrEqual(129 * 512 - 12);
  });

  it('for a qcow2 is bare, and what a window of 4 KiB inflates', () => {
    const small = makeDeflater(GRAIN, 'deflatedSmall');
    const far = Buffer.concat([program.subarray(0, 5000), program.subarray(0, 5000)]);
    for (const data of [far, program.subarray(0, GRAIN), randomBytes(GRAIN), Buffer.alloc(1)]) {
      const bytes = Buffer.from(deflated(data, small));
      // qemu-img gives the window's size so to zlib, which then refuses what is farther.
      expect(inflateRawSync(bytes, { windowBits: 12 }).equals(data)).toBe(true);
    }
    expect(deflated(program.subarray(0, GRAIN), small).length).toBeLessThan(GRAIN);
    const other: typeof deflater = runInThisContext(deflaterSource(GRAIN, 'deflatedSmall'));
    const first = Buffer.from(deflated(far, small));
    expect(deflated(far, other).equals(first)).toBe(true);
  });

  it('is the same when it comes from its source text, and the second time', () => {
    const other: typeof deflater = runInThisContext(deflaterSource(GRAIN));
    const grain = program.subarray(GRAIN, 2 * GRAIN);
    const first = Buffer.from(deflated(grain));
    deflated(program.subarray(0, GRAIN));
    expect(deflated(grain).equals(first)).toBe(true);
    expect(deflated(grain, other).equals(first)).toBe(true);
  });
});
