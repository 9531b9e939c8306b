/** The streamOptimized VMDK alone. */
import type { Format } from './format.ts';
import { namedVmdk } from './packaged-vmdk.ts';

const fileName = (baseName: string) => `${baseName}.vmdk`;

export const vmdk: Format = {
  forms: ['deflated'],
  fileNames: (baseName) => [fileName(baseName)],
  details: ['a streamOptimized VMDK, with footer and end-of-stream marker'],
  room: 'deflated',
  proof: { type: 'disk', fileName, qemuFormat: 'vmdk' },
  write: async (job) => {
    const name = fileName(job.baseName);
    await job.output.stream(name, namedVmdk(name, job));
  },
};
