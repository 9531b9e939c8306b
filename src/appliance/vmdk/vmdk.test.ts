/** What the writer writes, the reader reads; what nobody should have written, it refuses. */
import { open, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { quietProgress } from '../../system/progress.ts';
import { run } from '../../system/run.ts';
import { mapDisk } from '../disk-extents.ts';
import { diskPieces } from '../disk-pieces.ts';
import { CAPACITY, change, fake, without } from '../testing/fake-vmdk.ts';
import { codeOf, temporaryFolder, withFile } from '../testing/fixtures.ts';
import { encodeMarker, GRAIN_BYTES, SECTOR_BYTES } from './format.ts';
import { unpackVmdk } from './unpack.ts';
import { streamOptimizedVmdk } from './writer.ts';

const MIB = 2 ** 20;
const identity = { name: 'x.vmdk', contentId: '0123456789abcdef0123456789abcdef' };

let outer: Awaited<ReturnType<typeof temporaryFolder>>;
beforeAll(async () => {
  outer = await temporaryFolder();
});
afterAll(() => outer[Symbol.asyncDispose]());

async function pack(rawPath: string): Promise<Buffer> {
  const map = await mapDisk({ path: rawPath, format: 'raw' }, quietProgress());
  const { signal } = new AbortController();
  const pieces: Buffer[] = [];
  const file = await open(rawPath, 'r');
  try {
    const source = { file, map, forms: ['deflated'], signal, onProgress: () => {} } as const;
    const disk = { sizeBytes: map.sizeBytes, pieces: diskPieces(source) };
    for await (const piece of streamOptimizedVmdk({ disk, identity })) {
      pieces.push(Buffer.from(piece));
    }
  } finally {
    await file.close();
  }
  return Buffer.concat(pieces);
}

/** Unpacks bytes as a VMDK within another file. */
async function unpack(bytes: Buffer, capacityBytes: number): Promise<Buffer> {
  const raw = join(outer.path, 'unpacked.raw');
  await rm(raw, { force: true });
  await withFile(join(outer.path, 'outer.bin'), async (file) => {
    await file.write(Buffer.concat([Buffer.alloc(1024, 'tar'), bytes, Buffer.alloc(1024)]));
    const disk = { file, name: 'x.vmdk', offset: 1024, sizeBytes: bytes.length, capacityBytes };
    await unpackVmdk(disk, { path: raw, progress: quietProgress() });
  });
  return readFile(raw);
}

describe('writer and reader', () => {
  const contents = fc.oneof(
    fc.constant('zero' as const),
    fc.constant('pattern' as const),
    fc.uint8Array({ minLength: 1, maxLength: 200 }),
  );
  const layout = fc.array(
    fc.record({
      at: fc.nat({ max: 70 * MIB }),
      length: fc.integer({ min: 1, max: 300_000 }),
      contents,
    }),
    { maxLength: 6 },
  );

  it('agree on every disk, and qemu-img with them', async () => {
    const raw = join(outer.path, 'disk.raw');
    const vmdk = join(outer.path, 'disk.vmdk');
    const property = fc.asyncProperty(
      layout,
      fc.integer({ min: 1, max: 150_000 }),
      async (areas, sectors) => {
        const sizeBytes = sectors * SECTOR_BYTES;
        await withFile(raw, async (file) => {
          await file.truncate(sizeBytes);
          for (const { at, length, contents: what } of areas) {
            const start = at % sizeBytes;
            const fill = what === 'zero' ? 0 : what === 'pattern' ? 'pattern' : what;
            await file.write(
              Buffer.alloc(Math.min(length, sizeBytes - start), fill),
              0,
              undefined,
              start,
            );
          }
        });
        const bytes = await pack(raw);
        await writeFile(vmdk, bytes);
        const compared = await run(['qemu-img', 'compare', '-f', 'raw', '-F', 'vmdk', raw, vmdk]);
        expect(compared.stdout).toContain('identical');
        await unpack(bytes, sizeBytes);
        await run(['cmp', raw, join(outer.path, 'unpacked.raw')]);
      },
    );
    await fc.assert(property, { numRuns: 8 });
  });

  it('leave holes where there are only zeros', async () => {
    const raw = join(outer.path, 'sparse.raw');
    await withFile(raw, async (file) => {
      await file.truncate(150 * MIB);
      await file.write(Buffer.alloc(4 * MIB), 0, undefined, 100 * MIB);
      await file.write('end', 150 * MIB - 3);
    });
    const bytes = await pack(raw);
    // Header and description, one grain, its table, directory, footer and end.
    expect(bytes.length).toBe((128 + 1 + 5 + 2 + 2 + 1) * SECTOR_BYTES);
    expect((await unpack(bytes, 150 * MIB)).toString('latin1', 150 * MIB - 3)).toBe('end');
    expect((await stat(join(outer.path, 'unpacked.raw'))).blocks).toBeLessThan(1000);
  });
});

const grain = (at: number, data: Buffer) => fake({ grains: [{ at, data }] });
const x = deflateSync(Buffer.alloc(GRAIN_BYTES, 'x'));

describe('the reader', () => {
  it('reads the one made by hand', async () => {
    const raw = await unpack(fake(), CAPACITY);
    expect(raw.subarray(0, GRAIN_BYTES).equals(Buffer.alloc(GRAIN_BYTES, 'x'))).toBe(true);
    expect(raw.readUInt8(GRAIN_BYTES)).toBe(0);
  });

  it('takes a table of grains that are zeros, and a table without grains', async () => {
    const zeros = change('table', (bytes) => bytes.writeUInt32LE(1, SECTOR_BYTES + 4));
    expect((await unpack(zeros, CAPACITY)).readUInt8(GRAIN_BYTES)).toBe(0);
    await unpack(fake({ grains: [] }), CAPACITY);
  });

  it('refuses what qemu-img writes, as it has no footer', async () => {
    const raw = join(outer.path, 'theirs.raw');
    const vmdk = join(outer.path, 'theirs.vmdk');
    await withFile(raw, async (file) => {
      await file.write(Buffer.alloc(MIB, 'x'));
    });
    await run(['qemu-img', 'convert', '-O', 'vmdk', '-o', 'subformat=streamOptimized', raw, vmdk]);
    expect(await codeOf(unpack(await readFile(vmdk), MIB))).toBe('vmdk-unfinished');
  });

  it.each<readonly [string, string, () => Buffer]>([
    ['an empty file', 'vmdk-unfinished', () => Buffer.alloc(0)],
    ['another file', 'vmdk-invalid', () => Buffer.alloc(MIB, 'qcow')],
    ['half a sector at the end', 'vmdk-unfinished', () => fake().subarray(0, -100)],
    ['a cut-off description', 'vmdk-unfinished', () => fake().subarray(0, 20 * SECTOR_BYTES)],
    [
      'a cut-off grain',
      'vmdk-unfinished',
      () =>
        grain(0, deflateSync(Buffer.alloc(GRAIN_BYTES, 'x'), { level: 0 })).subarray(
          0,
          140 * SECTOR_BYTES,
        ),
    ],
    ['no end-of-stream', 'vmdk-unfinished', () => without('end')],
    ['no footer', 'vmdk-invalid', () => without('footer')],
    ['no directory', 'vmdk-invalid', () => without('directory')],
    ['no table', 'vmdk-invalid', () => without('table')],
    ['a missing grain', 'vmdk-invalid', () => without('grain')],
    ['something behind its end', 'vmdk-invalid', () => Buffer.concat([fake(), Buffer.alloc(512)])],
    [
      'a text file sent through a text transfer',
      'vmdk-invalid',
      () => change('preamble', (bytes) => bytes.write('\n \n\n', 73)),
    ],
    [
      'an unknown version',
      'vmdk-invalid',
      () => change('preamble', (bytes) => bytes.writeUInt32LE(9, 4)),
    ],
    [
      'grains that are not compressed',
      'vmdk-invalid',
      () => change('preamble', (bytes) => bytes.writeUInt32LE(1, 8)),
    ],
    [
      'grains of a gigabyte',
      'vmdk-invalid',
      () => change('preamble', (bytes) => bytes.writeBigUInt64LE(2n ** 21n, 20)),
    ],
    [
      'tables of four billion entries',
      'vmdk-invalid',
      () => change('preamble', (bytes) => bytes.writeUInt32LE(2 ** 32 - 1, 44)),
    ],
    [
      'a first grain at the end of the world',
      'vmdk-invalid',
      () => change('preamble', (bytes) => bytes.writeBigUInt64LE(2n ** 60n, 64)),
    ],
    [
      'a description before its beginning',
      'vmdk-invalid',
      () => change('preamble', (bytes) => bytes.writeBigUInt64LE(0n, 28)),
    ],
    [
      'a description without end',
      'vmdk-invalid',
      () => change('preamble', (bytes) => bytes.writeBigUInt64LE(2n ** 63n, 36)),
    ],
    [
      'another type of disk',
      'vmdk-invalid',
      () => change('preamble', (bytes) => bytes.write('monolithic', SECTOR_BYTES + 12)),
    ],
    ['another capacity than it should have', 'vmdk-invalid', () => fake({ capacitySectors: 1024 })],
    [
      'a capacity of exabytes',
      'vmdk-invalid',
      () => change('preamble', (bytes) => bytes.fill(0xff, 12, 20)),
    ],
    [
      'a footer with another capacity',
      'vmdk-invalid',
      () => change('footer', (bytes) => bytes.writeUInt32LE(1, SECTOR_BYTES + 12)),
    ],
    [
      'a footer that leads elsewhere',
      'vmdk-invalid',
      () => change('footer', (bytes) => bytes.writeUInt32LE(1, SECTOR_BYTES + 56)),
    ],
    [
      'a footer that is none',
      'vmdk-invalid',
      () => change('footer', (bytes) => bytes.fill(0, SECTOR_BYTES)),
    ],
    [
      'a footer of a thousand sectors',
      'vmdk-invalid',
      () => change('footer', (bytes) => bytes.writeUInt32LE(1000)),
    ],
    [
      'a table that leads elsewhere',
      'vmdk-invalid',
      () => change('table', (bytes) => bytes.writeUInt32LE(77, SECTOR_BYTES)),
    ],
    [
      'a table that knows more grains',
      'vmdk-invalid',
      () => change('table', (bytes) => bytes.writeUInt32LE(128, SECTOR_BYTES + 40)),
    ],
    [
      'a table of four billion sectors',
      'vmdk-invalid',
      () => change('table', (bytes) => bytes.writeUInt32LE(2 ** 32 - 1)),
    ],
    [
      'a directory that leads elsewhere',
      'vmdk-invalid',
      () => change('directory', (bytes) => bytes.writeUInt32LE(5, SECTOR_BYTES)),
    ],
    [
      'a directory that knows more tables',
      'vmdk-invalid',
      () => change('directory', (bytes) => bytes.writeUInt32LE(5, SECTOR_BYTES + 4)),
    ],
    [
      'an unknown marker',
      'vmdk-invalid',
      () => change('table', (bytes) => bytes.writeUInt32LE(4711, 12)),
    ],
    [
      'an end before its footer',
      'vmdk-invalid',
      () => change('directory', (bytes) => encodeMarker('end-of-stream', 0).copy(bytes)),
    ],
    [
      'two directories',
      'vmdk-invalid',
      () => fake({ edit: (pieces) => pieces.splice(4, 0, ...pieces.slice(4, 5)) }),
    ],
    ['a grain behind the disk', 'vmdk-invalid', () => grain(CAPACITY / SECTOR_BYTES, x)],
    ['a grain at the end of the world', 'vmdk-invalid', () => grain(2 ** 52, x)],
    ['a grain between grains', 'vmdk-invalid', () => grain(1, x)],
    [
      'a grain twice',
      'vmdk-invalid',
      () =>
        fake({
          grains: [
            { at: 0, data: x },
            { at: 0, data: x },
          ],
        }),
    ],
    [
      'grains in a wrong order',
      'vmdk-invalid',
      () =>
        fake({
          grains: [
            { at: 128, data: x },
            { at: 0, data: x },
          ],
        }),
    ],
    [
      'grains of two tables without the first table',
      'vmdk-invalid',
      () =>
        fake({
          grains: [
            { at: 0, data: x },
            { at: 512 * 128, data: x },
          ],
        }),
    ],
    [
      'a grain of megabytes',
      'vmdk-invalid',
      () => change('grain', (bytes) => bytes.writeUInt32LE(2 ** 24, 8)),
    ],
    ['a grain that is no deflate', 'vmdk-invalid', () => grain(0, Buffer.alloc(500, 'x'))],
    ['a grain that is cut off', 'vmdk-invalid', () => grain(0, x.subarray(0, -10))],
    [
      'a grain with a wrong checksum',
      'vmdk-invalid',
      () => grain(0, Buffer.concat([x.subarray(0, -4), Buffer.alloc(4)])),
    ],
    ['a grain that is too short', 'vmdk-invalid', () => grain(0, deflateSync(Buffer.alloc(100)))],
    [
      'a grain that is too long',
      'vmdk-invalid',
      () => grain(0, deflateSync(Buffer.alloc(GRAIN_BYTES + 1))),
    ],
    [
      'a grain that unfolds to megabytes',
      'vmdk-invalid',
      () => grain(0, deflateSync(Buffer.alloc(2 ** 24), { level: 9 }).subarray(0, 2 * GRAIN_BYTES)),
    ],
  ])('refuses %s: %s', async (_, code, bytes) => {
    expect(await codeOf(unpack(bytes(), CAPACITY))).toBe(code);
    expect(await readdir(outer.path)).not.toContain('unpacked.raw');
  });
});
