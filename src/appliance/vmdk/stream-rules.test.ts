/**
 * The streamOptimized VMDK held to what VMware's open-vmdk reads (vmdk/sparse.c): it finds the footer three
 * sectors before the end, and believes that instead of the header.
 */
import { inflateSync } from 'node:zlib';
import { expect } from 'vitest';
import type { TestDisk } from '../testing/disks.ts';
import { describeImage, type FileToCheck, readAt } from '../testing/image-tests.ts';
import { writeWhole } from '../write-whole.ts';
import { decodeHeader, GRAIN_BYTES, GRAIN_SECTORS, TABLE_ENTRIES } from './format.ts';
import { streamOptimizedVmdk } from './writer.ts';

const GIB = 2 ** 30;
const identity = { name: 'x.vmdk', contentId: '0123456789abcdef0123456789abcdef' };

describeImage('streamOptimized VMDK', {
  form: 'deflated',
  qemuName: 'vmdk',
  // Its block status is asked for every 64 KiB.
  mostCompared: 8 * GIB,
  mostEmptyBytes: 2 ** 20,
  write: async (file, disk) => {
    let position = 0;
    for await (const bytes of streamOptimizedVmdk({ disk, identity })) {
      await writeWhole(file, bytes, position);
      position += bytes.length;
    }
  },
  check: checkStream,
});

async function checkStream(file: FileToCheck, { sizeBytes }: TestDisk): Promise<void> {
  const { size } = await file.stat();
  expect(size % 512).toBe(0);
  const end = await readAt(file, size - 3 * 512, 3 * 512);
  // A marker: no data, type 3. The footer. The end: a sector of zeros.
  expect([end.readUInt32LE(8), end.readUInt32LE(12)]).toEqual([0, 3]);
  expect(end.subarray(1024).equals(Buffer.alloc(512))).toBe(true);
  const footer = decodeHeader(end.subarray(512, 1024));
  expect(footer).toMatchObject({
    version: 3,
    flags: 0x3_0001,
    hasItsLineEnds: true,
    isUnclean: false,
    isStreamed: true,
    capacitySectors: sizeBytes / 512,
    grainSectors: GRAIN_SECTORS,
    tableEntries: TABLE_ENTRIES,
  });
  const grains = Math.ceil(sizeBytes / GRAIN_BYTES);
  const tables = Math.ceil(grains / TABLE_ENTRIES);
  const directory = await readAt(file, (footer?.directorySector ?? 0) * 512, tables * 4);
  let last = 0;
  for (let table = 0; table < tables; table += 1) {
    const at = directory.readUInt32LE(table * 4);
    // A place of 0 stands for a table without grains.
    if (at === 0) continue;
    const entries = await readAt(file, at * 512, TABLE_ENTRIES * 4);
    for (let entry = 0; entry < TABLE_ENTRIES; entry += 1) {
      const sector = entries.readUInt32LE(entry * 4);
      if (sector === 0) continue;
      // In the order of the disk, which streaming importers rely on.
      expect(sector).toBeGreaterThan(last);
      last = sector;
      const grain = table * TABLE_ENTRIES + entry;
      expect(grain).toBeLessThan(grains);
      await checkGrain(file, sector, grain);
    }
    expect(at).toBeGreaterThan(last);
  }
}

/** It knows its place, and unfolds to a whole grain; open-vmdk has room for a grain and a sector. */
async function checkGrain(file: FileToCheck, sector: number, grain: number): Promise<void> {
  const head = await readAt(file, sector * 512, 12);
  expect(Number(head.readBigUInt64LE(0))).toBe(grain * GRAIN_SECTORS);
  const length = head.readUInt32LE(8);
  expect(length).toBeLessThanOrEqual(GRAIN_BYTES + 512 - 12);
  expect(inflateSync(await readAt(file, sector * 512 + 12, length)).length).toBe(GRAIN_BYTES);
}
