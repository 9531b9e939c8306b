/** A compressed qcow2: most of what QEMU runs on takes it. */
import { writeQcow2 } from '../qcow2/writer.ts';
import type { Format } from './format.ts';

const fileName = (baseName: string) => `${baseName}.qcow2`;

export const qcow2: Format = {
  forms: ['deflatedSmall'],
  fileNames: (baseName) => [fileName(baseName)],
  details: ['version 3, compressed clusters'],
  room: 'deflated',
  proof: { type: 'disk', fileName, qemuFormat: 'qcow2' },
  write: async (job) => {
    await job.output.file(fileName(job.baseName), async (file) => {
      await writeQcow2(file, job.disk);
      return undefined;
    });
  },
};
