import { open, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { quietProgress } from '../../system/progress.ts';
import { run } from '../../system/run.ts';
import { EMPTY_DISK, LARGE_DISK, piecesOf, writeRaw } from '../testing/disks.ts';
import { temporaryFolder, withFile } from '../testing/fixtures.ts';
import { describeImage, readAt } from '../testing/image-tests.ts';
import { writeZst } from './writer.ts';
import { zeroFrame } from './zero-frame.ts';

const MIB = 2 ** 20;
const GIB = 2 ** 30;

describeImage('raw disk as a Zstandard stream', {
  form: 'plain',
  qemuName: 'raw',
  mostEmptyBytes: 4 * MIB,
  write: (file, disk) => writeZst(file, disk, { progress: quietProgress() }),
  compare: async (raw, image, { sizeBytes }) => {
    // zstd unpacks every zero. Where that takes long, the frames are looked at below.
    if (sizeBytes > 100 * MIB && sizeBytes !== LARGE_DISK.sizeBytes) return;
    const unpacked = `${image}.raw`;
    await run(['zstd', '-d', '-q', '-f', '--sparse', '-o', unpacked, image]);
    expect((await stat(unpacked)).size).toBe(sizeBytes);
    await run(['qemu-img', 'compare', '-f', 'raw', '-F', 'raw', raw, unpacked]);
  },
  check: async (file, { sizeBytes }) => {
    if (sizeBytes !== EMPTY_DISK.sizeBytes) return;
    const { size } = await file.stat();
    const frame = zeroFrame(64 * GIB);
    expect((await readAt(file, 0, frame.length)).equals(frame)).toBe(true);
    expect(size).toBe(frame.length + zeroFrame(36 * GIB).length);
  },
});

it.each([1, 131_071, 131_072, 131_073, 5 * MIB + 1])(
  'makes a frame of %i zeros',
  async (length) => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'zeros.zst');
    await withFile(path, (file) => file.appendFile(zeroFrame(length)));
    await run(['zstd', '-d', '-q', '-o', `${path}.raw`, path]);
    expect((await readFile(`${path}.raw`)).equals(Buffer.alloc(length))).toBe(true);
  },
);

it('has the same bits whatever the number of threads', async () => {
  await using folder = await temporaryFolder();
  const raw = join(folder.path, 'raw');
  await writeRaw(raw, LARGE_DISK);
  const results: Buffer[] = [];
  for (const threads of [1, 2, 3]) {
    const path = join(folder.path, `${threads}.zst`);
    const disk = piecesOf(raw, LARGE_DISK, 'plain');
    await withFile(path, (file) => writeZst(file, disk, { progress: quietProgress(), threads }));
    results.push(await readFile(path));
  }
  expect(results.map((result) => result.equals(results[0] ?? Buffer.alloc(0)))).not.toContain(
    false,
  );
});

it('ends zstd, and closes the disk, when the disk cannot be read or the user has had enough', async () => {
  await using folder = await temporaryFolder();
  const disk = { sizeBytes: GIB, pieces: broken() };
  const write = withFile(join(folder.path, 'x'), (file) =>
    writeZst(file, disk, { progress: quietProgress() }),
  );
  await expect(write).rejects.toThrow('a bad sector');
  const stopped = quietProgress(AbortSignal.abort(new Error('enough')));
  const file = await open(join(folder.path, 'y'), 'w');
  try {
    await expect(writeZst(file, disk, { progress: stopped })).rejects.toThrow('enough');
  } finally {
    await file.close();
  }
});

async function* broken() {
  const bytes = Buffer.alloc(MIB, 'x');
  const isZero = Array.from({ length: 16 }, () => false);
  yield { start: 0, bytes, isZero, deflated: [], deflatedSmall: [] };
  throw new Error('a bad sector');
}
