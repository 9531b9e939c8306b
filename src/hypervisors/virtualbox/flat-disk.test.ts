import { expect, it } from 'vitest';
import { flatDescriptor } from './flat-disk.ts';

it('describes a raw file that lies elsewhere', () => {
  const text = flatDescriptor({ extent: '../disk.raw', sizeBytes: 8 * 2 ** 30, uuid: 'U-U-I-D' });
  expect(text).toContain('\ncreateType="monolithicFlat"\n');
  expect(text).toContain('\nRW 16777216 FLAT "../disk.raw" 0\n');
  expect(text).toContain('\nddb.geometry.cylinders = "16383"\n');
  expect(text).toContain('\nddb.uuid.image = "U-U-I-D"\n');
});
