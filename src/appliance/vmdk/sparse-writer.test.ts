/** Held to the rules of VMware's open-vmdk (vmdk/sparse.c) and of "Virtual Disk Format 5.0", besides qemu-img. */
import { expect, it } from 'vitest';
import type { TestDisk } from '../testing/disks.ts';
import { codeOf, temporaryFolder, withFile } from '../testing/fixtures.ts';
import { describeImage, type FileToCheck, readAt } from '../testing/image-tests.ts';
import { decodeDescriptor, decodeHeader, GRAIN_SECTORS, TABLE_ENTRIES } from './format.ts';
import { writeSparseVmdk } from './sparse-writer.ts';

const identity = { name: 'x.vmdk', contentId: '0123456789abcdef0123456789abcdef' };

describeImage('monolithicSparse VMDK', {
  form: 'plain',
  qemuName: 'vmdk',
  // Both directories, 6 KiB each; the tables are holes.
  mostEmptyBytes: 2 ** 20,
  write: (file, disk) => writeSparseVmdk(file, disk, identity),
  check: checkSparse,
});

it('refuses a disk that its sectors cannot count', async () => {
  await using folder = await temporaryFolder();
  const disk = { sizeBytes: 2041 * 2 ** 30, pieces: none() };
  const write = withFile(`${folder.path}/x`, (file) => writeSparseVmdk(file, disk, identity));
  expect(await codeOf(write)).toBe('export-too-large');
});

async function* none() {}

async function checkSparse(file: FileToCheck, disk: TestDisk): Promise<void> {
  const sector = await readAt(file, 0, 512);
  const header = decodeHeader(sector);
  if (!header) throw new Error('no header');
  const redundantSector = Number(sector.readBigUInt64LE(48));
  const directorySector = header.directorySector ?? 0;
  expect(header).toMatchObject({
    version: 1,
    flags: 3,
    hasItsLineEnds: true,
    isUnclean: false,
    isStreamed: false,
    grainSectors: GRAIN_SECTORS,
    tableEntries: TABLE_ENTRIES,
    capacitySectors: disk.sizeBytes / 512,
  });
  expect(header.overheadSectors % GRAIN_SECTORS).toBe(0);
  const description = decodeDescriptor((await readAt(file, 512, 20 * 512)).toString('utf8'));
  expect(description.get('createType')).toBe('monolithicSparse');
  expect(description.get('CID')).toBe('89abcdef');
  // VirtualBox takes a disk without them for another one when it looks a second time.
  expect(description.get('ddb.uuid.image')).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-/);
  expect(description.get('ddb.uuid.modification')).toMatch(/^[0-9a-f-]{36}$/);
  expect(description.get('extent')).toBe(`RW ${header.capacitySectors} SPARSE "x.vmdk"`);
  await checkTables(file, { ...header, redundantSector, directorySector });
}

interface Places {
  readonly capacitySectors: number;
  readonly overheadSectors: number;
  readonly redundantSector: number;
  readonly directorySector: number;
}

/** Every table is there, twice and the same; grains follow each other without a gap up to the file's end. */
async function checkTables(file: FileToCheck, places: Places): Promise<void> {
  const { capacitySectors, overheadSectors, redundantSector, directorySector } = places;
  const tables = Math.ceil(capacitySectors / (GRAIN_SECTORS * TABLE_ENTRIES));
  const directory = await readAt(file, directorySector * 512, tables * 4);
  const redundant = await readAt(file, redundantSector * 512, tables * 4);
  const directorySectors = Math.ceil((tables * 4) / 512);
  const entries = await readAt(file, (directorySector + directorySectors) * 512, tables * 2048);
  const copies = await readAt(file, (redundantSector + directorySectors) * 512, tables * 2048);
  expect(entries.equals(copies)).toBe(true);
  // Few of 100 GiB's million entries are looked at by expect(), which is slow.
  const same = (actual: number, expected: number) => {
    if (actual !== expected) expect(actual).toBe(expected);
  };
  for (let table = 0; table < tables; table += 1) {
    const behind = directorySectors + table * 4;
    same(directory.readUInt32LE(table * 4), directorySector + behind);
    same(redundant.readUInt32LE(table * 4), redundantSector + behind);
  }
  let next = overheadSectors;
  for (let entry = 0; entry < tables * TABLE_ENTRIES; entry += 1) {
    const grain = entries.readUInt32LE(entry * 4);
    if (grain === 0) continue;
    same(grain, next);
    expect(entry * GRAIN_SECTORS).toBeLessThan(capacitySectors);
    next += GRAIN_SECTORS;
  }
  expect((await file.stat()).size).toBe(next * 512);
}
