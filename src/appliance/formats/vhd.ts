/** What Azure takes. */
import { writeVhd } from '../vhd/writer.ts';
import type { Format } from './format.ts';

const fileName = (baseName: string) => `${baseName}.vhd`;

export const vhd: Format = {
  forms: [],
  fileNames: (baseName) => [fileName(baseName)],
  details: ['a fixed VHD, its size rounded up to a mebibyte; a sparse file'],
  room: 'plain',
  proof: { type: 'disk', fileName, qemuFormat: 'vpc' },
  write: async (job) => {
    await job.output.file(fileName(job.baseName), async (file) => {
      const seed = [job.baseName, job.manifest.version, String(job.disk.sizeBytes)];
      const { sourceDateEpoch } = job;
      await writeVhd(file, job.disk, { seed, sourceDateEpoch });
      return undefined;
    });
  },
};
