import { expect } from 'vitest';
import { run } from '../../system/run.ts';
import { describeImage, readAt } from '../testing/image-tests.ts';
import { writeQcow2 } from './writer.ts';

const CLUSTER_BYTES = 65536;

describeImage('qcow2', {
  form: 'deflated',
  qemuName: 'qcow2',
  mostEmptyBytes: 2 ** 20,
  write: (file, disk) => writeQcow2(file, disk),
  check: async (file, disk, path) => {
    // Complains about every count that is wrong and every cluster that nobody refers to.
    const { stdout } = await run(['qemu-img', 'check', '-f', 'qcow2', path]);
    expect(stdout).toContain('No errors were found on the image.');
    const header = await readAt(file, 0, 112);
    expect(header.toString('latin1', 0, 4)).toBe('QFI\xfb');
    expect(header.readUInt32BE(4)).toBe(3);
    // What inspectors of uploaded images refuse: a backing file, a data file, features that they do not know.
    expect(header.subarray(8, 20).equals(Buffer.alloc(12))).toBe(true);
    expect(header.subarray(60, 96).equals(Buffer.alloc(36))).toBe(true);
    expect(header.readBigUInt64BE(24)).toBe(BigInt(disk.sizeBytes));
    expect(header.readUInt32BE(100)).toBe(104);
    expect(header.readBigUInt64BE(104)).toBe(0n);
    expect((await file.stat()).size % CLUSTER_BYTES).toBe(0);
  },
});
