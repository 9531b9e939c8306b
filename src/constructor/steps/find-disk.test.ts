import { expect, test } from 'vitest';
import { bootParameter } from './find-disk.ts';

test('a boot parameter is a whole word; the last one counts', () => {
  const line =
    'BOOT_IMAGE=/boot/vmlinuz pvmc.erase-disk=/dev/sda xpvmc.erase-disk=/dev/sdc quiet\n';
  expect(bootParameter(line, 'pvmc.erase-disk')).toBe('/dev/sda');
  expect(bootParameter(`${line} pvmc.erase-disk=/dev/sdb`, 'pvmc.erase-disk')).toBe('/dev/sdb');
  expect(bootParameter('quiet pvmc.erase-disk', 'pvmc.erase-disk')).toBeUndefined();
  expect(bootParameter('', 'pvmc.erase-disk')).toBeUndefined();
});
