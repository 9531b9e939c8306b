import { describe, expect, test } from 'vitest';
import { bootParameter } from './find-disk.ts';

describe('the words on the kernel’s command line that allow to erase a disk', () => {
  const parameter = (commandLine: string) => bootParameter(commandLine, 'pvmc.erase-disk');

  test.each([
    ['quiet pvmc.erase-disk=/dev/vda\n', '/dev/vda'],
    ['pvmc.erase-disk=/dev/vda pvmc.erase-disk=/dev/vdb', '/dev/vdb'],
    ['pvmc.erase-disk=/dev/disk/by-id/a=b', '/dev/disk/by-id/a=b'],
  ])('%j names %s', (commandLine, disk) => {
    expect(parameter(commandLine)).toBe(disk);
  });

  test.each(['quiet', '', 'pvmc.erase-disk', 'xpvmc.erase-disk=/dev/vda', 'pvmc.erase-disks=all'])(
    '%j allows nothing',
    (commandLine) => {
      expect(parameter(commandLine)).toBeUndefined();
    },
  );
});
