/** Hyper-V's format. */
import { writeVhdx } from '../vhdx/writer.ts';
import type { Format } from './format.ts';

const fileName = (baseName: string) => `${baseName}.vhdx`;

export const vhdx: Format = {
  forms: [],
  fileNames: (baseName) => [fileName(baseName)],
  details: ['a dynamic VHDX with blocks of 1 MiB'],
  room: 'plain',
  proof: { type: 'disk', fileName, qemuFormat: 'vhdx' },
  write: async (job) => {
    await job.output.file(fileName(job.baseName), async (file) => {
      const seed = [job.baseName, job.manifest.version, String(job.disk.sizeBytes)];
      await writeVhdx(file, job.disk, { seed });
      return undefined;
    });
  },
};
