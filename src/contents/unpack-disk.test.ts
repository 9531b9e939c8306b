/** Disks that are packed: damaged ones, hostile ones, and what they leave behind. */
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  codeOf,
  exportTiny,
  makeKnownDisk,
  temporaryFolder,
} from '../appliance/testing/fixtures.ts';
import { zeroFrame } from '../appliance/zst/zero-frame.ts';
import { openFile } from '../lint/package.ts';
import { quietProgress } from '../system/progress.ts';
import { run } from '../system/run.ts';
import { diskFormatOf } from './disk-format.ts';
import { unpackDisk } from './unpack-disk.ts';
import { measureZstd } from './zstd-frames.ts';

const GIB = 2 ** 30;
const TIB = 2 ** 40;
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
const at = (...names: string[]) => join(folder.path, ...names);

beforeAll(async () => {
  folder = await temporaryFolder();
  await makeKnownDisk(at('disk.raw'));
  await exportTiny({
    diskPath: at('disk.raw'),
    outputFolder: at('good'),
    formats: ['raw-zst', 'qcow2', 'vdi', 'vhdx', 'vhd'],
  });
  await mkdir(at('out'));
});
afterAll(() => folder[Symbol.asyncDispose]());

const ZST = 'tiny-1.0.raw.zst';

async function unpack(path: string, target = at('out', 'disk.raw'), signal?: AbortSignal) {
  const file = await openFile(path);
  try {
    const format = await diskFormatOf(file);
    if (format === 'raw' || format === 'vmdk') throw new Error(`${path} is ${format}`);
    await unpackDisk({ path, file, format }, target, quietProgress(signal));
  } finally {
    await file.file.close();
  }
}

async function measured(path: string) {
  const file = await openFile(path);
  try {
    return await measureZstd(file, Infinity, new AbortController().signal);
  } finally {
    await file.file.close();
  }
}

async function sha256(path: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(path))
    .digest('hex');
}

describe('a packed disk', () => {
  test.each([ZST, 'tiny-1.0.qcow2', 'tiny-1.0.vdi', 'tiny-1.0.vhdx'])('as %s', async (name) => {
    await unpack(at('good', name), at('unpacked.raw'));
    expect(await sha256(at('unpacked.raw'))).toBe(await sha256(at('disk.raw')));
    const { blocks, size } = await stat(at('unpacked.raw'));
    expect(blocks * 512).toBeLessThan(size / 2);
  });

  test('in the middle of another file, and with a comma in its name', async () => {
    const disk = await readFile(at('good', 'tiny-1.0.qcow2'));
    const path = at('a,file.driver=b.bin');
    await writeFile(path, Buffer.concat([Buffer.alloc(1024, 'x'), disk, Buffer.alloc(1024, 'y')]));
    const whole = await openFile(path);
    const file = { ...whole, offset: 1024, sizeBytes: disk.length };
    await unpackDisk({ path, file, format: 'qcow2' }, at('part.raw'), quietProgress());
    await whole.file.close();
    expect(await sha256(at('part.raw'))).toBe(await sha256(at('disk.raw')));
  });
});

describe('the headers of a file of zstd', () => {
  test('tell how large it becomes', async () => {
    const { mostBytes, leastStoredBytes } = await measured(at('good', ZST));
    const { size } = await stat(at('disk.raw'));
    expect(mostBytes).toBeGreaterThanOrEqual(size);
    expect(mostBytes).toBeLessThan(size + 2 ** 20);
    expect(leastStoredBytes).toBeLessThan(size);
  });

  test('are read of one that zstd made of a pipe, with and without checksums', async () => {
    for (const option of ['--check', '--no-check']) {
      const path = at(`piped${option}.zst`);
      await run(['sh', '-c', 'zstd -q "$2" -c <"$0" >"$1"', at('disk.raw'), path, option]);
      const { mostBytes } = await measured(path);
      expect(mostBytes).toBeGreaterThanOrEqual((await stat(at('disk.raw'))).size);
    }
  });

  test('are read past what is no data', async () => {
    const skipped = Buffer.alloc(8 + 100);
    skipped.writeUInt32LE(0x184d_2a5f, 0);
    skipped.writeUInt32LE(100, 4);
    await writeFile(at('skip.zst'), Buffer.concat([zeroFrame(GIB), skipped, zeroFrame(GIB)]));
    expect(await measured(at('skip.zst'))).toEqual({ mostBytes: 2 * GIB, leastStoredBytes: 0 });
  });
});

describe('a damaged disk', () => {
  test.each([1, 2, 3, 10, 1000])('of zstd, cut off by %i bytes, is told as such', async (bytes) => {
    const whole = await readFile(at('good', ZST));
    await writeFile(at('cut.zst'), whole.subarray(0, -bytes));
    await expect(unpack(at('cut.zst'))).rejects.toMatchObject({
      kind: 'input',
      code: 'disk-damaged',
      message: '"cut.zst" is cut off: its end is missing',
    });
    expect(await readdir(at('out'))).toEqual([]);
  });

  test('of zstd names the file, and no temporary one', async () => {
    const bytes = await readFile(at('good', ZST));
    bytes.fill(0xff, 2000, 3000);
    await writeFile(at('wrong.zst'), bytes);
    const failure: unknown = await unpack(at('wrong.zst')).catch((thrown: unknown) => thrown);
    expect(failure).toMatchObject({
      kind: 'input',
      code: 'disk-damaged',
      message: expect.stringContaining('"wrong.zst" is damaged'),
      hint: 'Copy or download it again.',
    });
    expect(JSON.stringify(failure)).not.toContain(at('out'));
    expect(await readdir(at('out'))).toEqual([]);
  });

  test('ends with an error or unpacks, whatever its bytes are', async () => {
    const whole = await readFile(at('good', ZST));
    for (let round = 0; round < 60; round += 1) {
      const bytes = Buffer.from(whole);
      const digest = createHash('sha256').update(`round ${round}`).digest();
      bytes[digest.readUInt32LE(0) % bytes.length] = digest[4] ?? 0;
      bytes[digest.readUInt32LE(8) % 64] = digest[5] ?? 0;
      await writeFile(at('random.zst'), bytes);
      const code = await codeOf(measured(at('random.zst')));
      expect(['no failure', 'disk-damaged']).toContain(code);
    }
  });

  test('of qemu-img is told as such', async () => {
    for (const name of ['tiny-1.0.qcow2', 'tiny-1.0.vhdx', 'tiny-1.0.vdi']) {
      const bytes = await readFile(at('good', name));
      for (const length of [100, 1000, bytes.length / 2]) {
        await writeFile(at('cut.disk'), bytes.subarray(0, length));
        expect(await codeOf(unpack(at('cut.disk'))), `${name} ${length}`).toBe('disk-damaged');
      }
    }
    expect(await readdir(at('out'))).toEqual([]);
  });
});

describe('a hostile disk', () => {
  test('of some kilobytes that unpacks to terabytes of zeros is refused at once', async () => {
    const frame = zeroFrame(TIB);
    await writeFile(at('bomb.zst'), Buffer.concat([frame, frame, frame]));
    await expect(unpack(at('bomb.zst'))).rejects.toMatchObject({
      code: 'disk-too-large',
      message: '"bomb.zst" is a disk of more than 2 TiB, the largest that pvmc looks into',
    });
    expect(await readdir(at('out'))).toEqual([]);
  });

  test('of zeros takes no room', async () => {
    await writeFile(at('zeros.zst'), zeroFrame(4 * GIB));
    await unpack(at('zeros.zst'));
    const { size, blocks } = await stat(at('out', 'disk.raw'));
    expect(size).toBe(4 * GIB);
    expect(blocks * 512).toBeLessThan(2 ** 20);
    await run(['rm', at('out', 'disk.raw')]);
  });

  test('that says to have a size of exabytes is refused', async () => {
    const image = at('huge.qcow2');
    await run(['qemu-img', 'create', '-f', 'qcow2', '-o', 'cluster_size=2M', image, '4T']);
    expect(await codeOf(unpack(image))).toBe('disk-too-large');
    await writeFile(at('huge.raw'), '');
    await truncate(at('huge.raw'), 3 * TIB);
    const { openRawImage } = await import('./disk-image.ts');
    expect(await codeOf(openRawImage(at('huge.raw'), quietProgress()))).toBe('disk-too-large');
  });
});

describe('a folder without room', () => {
  test('is named, with what it takes, and nothing is left in it', async (context) => {
    const small = at('small');
    await mkdir(small);
    const mount = ['mount', '-t', 'tmpfs', '-o', 'size=200k', 'none', small];
    const mounted = await run(mount, { accept: [0, 1, 32] });
    if (mounted.status !== 0) context.skip('only root can mount a tmpfs of its own');
    try {
      for (const name of [ZST, 'tiny-1.0.qcow2', 'tiny-1.0.vhd']) {
        await expect(unpack(at('good', name), join(small, 'disk.raw'))).rejects.toMatchObject({
          kind: 'host',
          code: 'unpack-full',
          message: expect.stringContaining(`there is no room in ${small} to unpack "${name}"`),
          hint: expect.stringContaining('TMPDIR=FOLDER'),
        });
        expect(await readdir(small)).toEqual([]);
      }
      await writeFile(at('letters.zst'), letterFrame());
      await expect(unpack(at('letters.zst'), join(small, 'disk.raw'))).rejects.toMatchObject({
        code: 'unpack-full',
        message: expect.stringContaining('it takes at least 1 GiB'),
      });
    } finally {
      await run(['umount', small]);
    }
  });
});

/** A frame of a gibibyte of one letter: none of it can be left out, as zeros can. */
function letterFrame(): Buffer {
  const frame = zeroFrame(GIB);
  for (let byte = 14 + 3; byte < frame.length; byte += 4) frame[byte] = 0x78;
  return frame;
}

test('an unpacking that is ended leaves nothing', async () => {
  const controller = new AbortController();
  await writeFile(at('long.zst'), zeroFrame(1024 * GIB));
  setTimeout(() => controller.abort(new Error('enough')), 300);
  const work = unpack(at('long.zst'), at('out', 'disk.raw'), controller.signal);
  await expect(work).rejects.toThrow('enough');
  expect(await readdir(at('out'))).toEqual([]);
});
