/** Read by qemu-img, and by a strict reader of our own for what qemu-img does not look at ([MS-VHDX]). */
import { describe, expect, it } from 'vitest';
import { guidText } from '../guid.ts';
import type { TestDisk } from '../testing/disks.ts';
import { describeImage, type FileToCheck, readAt } from '../testing/image-tests.ts';
import { crc32c } from './crc32c.ts';
import { writeVhdx } from './writer.ts';

const MIB = 2 ** 20;

describeImage('VHDX', {
  form: 'plain',
  qemuName: 'vhdx',
  // qemu-img cannot tell where a VHDX has holes, and would read all of them.
  mostCompared: 128 * MIB,
  // The table of 100 GiB has 800 KiB; headers and metadata a mebibyte each.
  mostEmptyBytes: 4 * MIB,
  write: (file, disk) => writeVhdx(file, disk, { seed: ['x', '1.0'] }),
  check: checkVhdx,
});

describe('CRC-32C', () => {
  it.each([
    // RFC 3720, B.4.
    ['32 zeros', Buffer.alloc(32), 0x8a9136aa],
    ['32 ones', Buffer.alloc(32, 0xff), 0x62a8ab43],
    ['"123456789"', Buffer.from('123456789'), 0xe3069283],
  ])('of %s', (_, bytes, sum) => {
    expect(crc32c(bytes)).toBe(sum);
  });
});

interface Region {
  readonly at: number;
  readonly length: number;
}

async function checkVhdx(file: FileToCheck, disk: TestDisk): Promise<void> {
  const head = await readAt(file, 0, MIB);
  expect(head.toString('latin1', 0, 8)).toBe('vhdxfile');
  const log = checkHeaders(head);
  const regions = checkRegions(head);
  const blocks = regions.get('2dc27766-f623-4200-9d64-115e9bfd4a08');
  const metadata = regions.get('8b7ca206-4790-4b9a-b8fe-575f050f886e');
  if (!blocks || !metadata || regions.size !== 2) throw new Error('other regions');
  const blockBytes = await checkMetadata(file, metadata, disk);
  const { size } = await file.stat();
  expect(size % MIB).toBe(0);
  const taken: Region[] = [{ at: 0, length: MIB }, log, blocks, metadata];
  taken.push(...(await payloadOf(file, blocks, { disk, blockBytes })));
  taken.sort((one, other) => one.at - other.at);
  let end = 0;
  for (const { at, length } of taken) {
    // Whole mebibytes, nothing twice, nothing between, nothing behind the end.
    if (at !== end || length % MIB !== 0) expect([at, length % MIB]).toEqual([end, 0]);
    end = at + length;
  }
  expect(end).toBe(size);
}

function checkHeaders(head: Buffer): Region {
  const headers = [65536, 131072].map((at) => head.subarray(at, at + 4096));
  const logs = headers.map((header) => {
    expect(header.toString('latin1', 0, 4)).toBe('head');
    expect(header.readUInt32LE(4)).toBe(sumWithout(header));
    // An empty log: no GUID, so none of its entries is looked at. Version 0 of it, version 1 of the file.
    expect(header.subarray(48, 64).equals(Buffer.alloc(16))).toBe(true);
    expect([header.readUInt16LE(64), header.readUInt16LE(66)]).toEqual([0, 1]);
    expect(header.subarray(80).every((byte) => byte === 0)).toBe(true);
    return { at: Number(header.readBigUInt64LE(72)), length: header.readUInt32LE(68) };
  });
  const [first, second] = headers;
  if (!first || !second) throw new Error('no headers');
  expect(first.readBigUInt64LE(8)).toBeLessThan(second.readBigUInt64LE(8));
  expect(first.subarray(16).equals(second.subarray(16))).toBe(true);
  const [fileWrite, dataWrite] = [16, 32].map((at) => guidText(first.subarray(at, at + 16)));
  expect(fileWrite).not.toBe(dataWrite);
  expect(fileWrite).toMatch(/^[0-9a-f-]{13}-8/);
  return logs[0] ?? { at: 0, length: 0 };
}

function checkRegions(head: Buffer): Map<string, Region> {
  const table = head.subarray(3 * 65536, 4 * 65536);
  expect(head.subarray(4 * 65536, 5 * 65536).equals(table)).toBe(true);
  expect(head.subarray(5 * 65536).every((byte) => byte === 0)).toBe(true);
  expect(table.toString('latin1', 0, 4)).toBe('regi');
  expect(table.readUInt32LE(4)).toBe(sumWithout(table));
  const count = table.readUInt32LE(8);
  expect(table.readUInt32LE(12)).toBe(0);
  expect(table.subarray(16 + count * 32).every((byte) => byte === 0)).toBe(true);
  return new Map(
    Array.from({ length: count }, (_, index) => {
      const entry = table.subarray(16 + index * 32, 48 + index * 32);
      expect(entry.readUInt32LE(28)).toBe(1);
      const region = { at: Number(entry.readBigUInt64LE(16)), length: entry.readUInt32LE(24) };
      expect([region.at % MIB, region.length % MIB]).toEqual([0, 0]);
      expect(region.at).toBeGreaterThanOrEqual(MIB);
      return [guidText(entry.subarray(0, 16)), region];
    }),
  );
}

/** Returns how large a block is. */
async function checkMetadata(
  file: FileToCheck,
  { at, length }: Region,
  disk: TestDisk,
): Promise<number> {
  const region = await readAt(file, at, length);
  expect(region.toString('latin1', 0, 8)).toBe('metadata');
  const count = region.readUInt16LE(10);
  expect(region.readUInt16LE(8)).toBe(0);
  expect(region.subarray(12, 32).equals(Buffer.alloc(20))).toBe(true);
  const items = new Map<string, { readonly flags: number; readonly value: Buffer }>();
  let end = 65536;
  for (let index = 0; index < count; index += 1) {
    const entry = region.subarray(32 + index * 32, 64 + index * 32);
    const [from, size, flags, reserved] = [16, 20, 24, 28].map((place) =>
      entry.readUInt32LE(place),
    );
    // Behind the table of 64 KiB, not overlapping.
    expect(from).toBeGreaterThanOrEqual(end);
    expect(reserved).toBe(0);
    end = (from ?? 0) + (size ?? 0);
    const value = region.subarray(from, end);
    items.set(guidText(entry.subarray(0, 16)), { flags: flags ?? 0, value });
  }
  const item = (guid: string, flags: number, bytes: number) => {
    const found = items.get(guid);
    expect([guid, found?.flags, found?.value.length]).toEqual([guid, flags, bytes]);
    return found?.value ?? Buffer.alloc(bytes);
  };
  expect(items.size).toBe(5);
  const parameters = item('caa16737-fa36-4d43-b3b6-33f0aa44e76b', 4, 8);
  expect(item('2fa54224-cd1b-4876-b211-5dbed83bf4b8', 6, 8).readBigUInt64LE()).toBe(
    BigInt(disk.sizeBytes),
  );
  expect(guidText(item('beca12ab-b2e6-4523-93ef-c309e000c746', 6, 16))).toMatch(/^.{13}-8/);
  expect(item('8141bf1d-a96f-4709-ba47-f233a8faab5f', 6, 4).readUInt32LE()).toBe(512);
  expect(item('cda348c7-445d-4471-9cc9-e9885251c556', 6, 4).readUInt32LE()).toBe(4096);
  // A dynamic disk without a parent.
  expect(parameters.readUInt32LE(4)).toBe(0);
  return parameters.readUInt32LE(0);
}

async function payloadOf(
  file: FileToCheck,
  { at, length }: Region,
  { disk, blockBytes }: { readonly disk: TestDisk; readonly blockBytes: number },
): Promise<Region[]> {
  const table = await readAt(file, at, length);
  const chunkBlocks = (2 ** 23 * 512) / blockBytes;
  const blocks = Math.ceil(disk.sizeBytes / blockBytes);
  const payload: Region[] = [];
  for (let index = 0; index < length / 8; index += 1) {
    const entry = table.readBigUInt64LE(index * 8);
    const isBitmap = index % (chunkBlocks + 1) === chunkBlocks;
    const block = index - Math.floor(index / (chunkBlocks + 1));
    if (entry === 0n) continue;
    // Nothing but blocks that are wholly there; reserved bits are zero.
    expect(isBitmap).toBe(false);
    expect(block).toBeLessThan(blocks);
    expect(Number(entry & 0xfffffn)).toBe(6);
    payload.push({ at: Number(entry >> 20n) * MIB, length: blockBytes });
  }
  return payload;
}

/** The sum over all but its own four bytes, which count as zeros. */
function sumWithout(bytes: Buffer): number {
  const copy = Buffer.from(bytes);
  copy.fill(0, 4, 8);
  return crc32c(copy);
}
