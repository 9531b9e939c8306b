import { expect } from 'vitest';
import { guidText } from '../guid.ts';
import { describeImage, readAt } from '../testing/image-tests.ts';
import { writeVdi } from './writer.ts';

const MIB = 2 ** 20;

describeImage('VDI', {
  form: 'plain',
  qemuName: 'vdi',
  // The map of 100 GiB has 400 KiB.
  mostEmptyBytes: MIB,
  write: (file, disk) => writeVdi(file, disk, { seed: ['x', '1.0'] }),
  /** What VirtualBox checks when it opens one (Storage/VDI.cpp). */
  check: async (file, disk) => {
    const header = await readAt(file, 0, 512);
    expect(header.toString('latin1', 0, 40)).toBe('<<< Oracle VM VirtualBox Disk Image >>>\n');
    expect(header.readUInt32LE(64)).toBe(0xbeda107f);
    expect([header.readUInt16LE(70), header.readUInt16LE(68)]).toEqual([1, 1]);
    // A dynamic image without flags; sectors of 512 bytes; blocks of 1 MiB and nothing between them.
    expect([72, 76, 80].map((at) => header.readUInt32LE(at))).toEqual([400, 1, 0]);
    expect([360, 376, 380].map((at) => header.readUInt32LE(at))).toEqual([512, MIB, 0]);
    expect(header.readBigUInt64LE(368)).toBe(BigInt(disk.sizeBytes));
    const [mapAt, dataAt] = [header.readUInt32LE(340), header.readUInt32LE(344)];
    const [blocks, stored] = [header.readUInt32LE(384), header.readUInt32LE(388)];
    expect(blocks).toBe(Math.ceil(disk.sizeBytes / MIB));
    expect([mapAt % MIB, dataAt % MIB]).toEqual([0, 0]);
    expect(dataAt - mapAt).toBeGreaterThanOrEqual(blocks * 4);
    // A UUID of the image and one of its latest change; none of a parent.
    const [image, change] = [392, 408].map((at) => guidText(header.subarray(at, at + 16)));
    expect(image).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(change).not.toBe(image);
    expect(header.subarray(424, 456).equals(Buffer.alloc(32))).toBe(true);
    const map = await readAt(file, mapAt, blocks * 4);
    let next = 0;
    for (let block = 0; block < blocks; block += 1) {
      const entry = map.readUInt32LE(block * 4);
      if (entry === 0xffff_ffff) continue;
      if (entry !== next) expect(entry).toBe(next);
      next += 1;
    }
    expect(stored).toBe(next);
    expect((await file.stat()).size).toBe(dataAt + stored * MIB);
  },
});
