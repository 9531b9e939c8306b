/** The plain disk, compressed by zstd. */
import { writeZst } from '../zst/writer.ts';
import type { Format } from './format.ts';

const fileName = (baseName: string) => `${baseName}.raw.zst`;

export const rawZst: Format = {
  forms: [],
  fileNames: (baseName) => [fileName(baseName)],
  details: ['zstd -9 of the disk byte for byte'],
  room: 'deflated',
  proof: { type: 'disk', fileName, qemuFormat: 'raw', packedBy: 'zstd' },
  write: async (job) => {
    await job.output.file(fileName(job.baseName), async (file) => {
      const { progress } = job;
      await writeZst(file, job.disk, { progress });
      return undefined;
    });
  },
};
