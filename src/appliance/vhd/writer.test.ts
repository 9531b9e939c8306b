import { expect, it } from 'vitest';
import { run } from '../../system/run.ts';
import { codeOf, temporaryFolder, withFile } from '../testing/fixtures.ts';
import { describeImage, readAt } from '../testing/image-tests.ts';
import { vhdChecksum, vhdGeometry, writeVhd } from './writer.ts';

const MIB = 2 ** 20;
const options = { seed: ['x', '1.0'], sourceDateEpoch: 1_760_000_000 };

describeImage('fixed VHD', {
  form: 'plain',
  qemuName: 'vpc',
  mostEmptyBytes: MIB,
  write: (file, disk) => writeVhd(file, disk, options),
  compare: async (raw, image, { sizeBytes }) => {
    // The disk is rounded up, which qemu-img says, with zeros behind its end.
    const rounded = Math.ceil(sizeBytes / MIB) * MIB;
    await run(['qemu-img', 'compare', '-f', 'raw', '-F', 'vpc', raw, image]);
    const { stdout } = await run(['qemu-img', 'info', '--output=json', '-f', 'vpc', image]);
    expect(JSON.parse(stdout)).toMatchObject({ 'virtual-size': rounded });
  },
  check: async (file, disk) => {
    const { size } = await file.stat();
    expect((size - 512) % MIB).toBe(0);
    expect(size - 512 - disk.sizeBytes).toBeGreaterThanOrEqual(0);
    expect(size - 512 - disk.sizeBytes).toBeLessThan(MIB);
    const footer = await readAt(file, size - 512, 512);
    expect(footer.toString('latin1', 0, 8)).toBe('conectix');
    expect(footer.readUInt32BE(8)).toBe(2);
    expect(footer.readUInt32BE(12)).toBe(0x10000);
    expect(footer.toString('hex', 16, 24)).toBe('ffffffffffffffff');
    expect(footer.readUInt32BE(24)).toBe(1_760_000_000 - Date.UTC(2000, 0, 1) / 1000);
    expect(footer.readBigUInt64BE(40)).toBe(BigInt(size - 512));
    expect(footer.readBigUInt64BE(48)).toBe(BigInt(size - 512));
    expect(footer.readUInt32BE(60)).toBe(2);
    expect(footer.readUInt32BE(64)).toBe(vhdChecksum(footer));
    // The ID is one; no state is saved; the rest is reserved.
    expect(footer.toString('hex', 68, 84)).toMatch(/^.{12}8.{3}[89ab].{15}$/);
    expect(footer.subarray(84).equals(Buffer.alloc(428))).toBe(true);
  },
});

it.each([
  // The last but one is what Hyper-V makes of its usual size.
  [20 * MIB, { cylinders: 602, heads: 4, sectors: 17 }],
  [2 ** 30, { cylinders: 2080, heads: 16, sectors: 63 }],
  [8 * 2 ** 30, { cylinders: 16644, heads: 16, sectors: 63 }],
  [127 * 2 ** 30, { cylinders: 65278, heads: 16, sectors: 255 }],
  [2040 * 2 ** 30, { cylinders: 65535, heads: 16, sectors: 255 }],
])('has the geometry for %i bytes', (bytes, geometry) => {
  expect(vhdGeometry(bytes / 512)).toEqual(geometry);
});

it('refuses more than 2040 GiB', async () => {
  await using folder = await temporaryFolder();
  const disk = { sizeBytes: 2040 * 2 ** 30 + 512, pieces: none() };
  const write = withFile(`${folder.path}/x`, (file) => writeVhd(file, disk, options));
  expect(await codeOf(write)).toBe('export-too-large');
});

async function* none() {}
