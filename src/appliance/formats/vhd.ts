/** What Azure takes. */
import { SparseDigest } from '../sparse-digest.ts';
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
      // Reading its holes again would take as long as reading as many bytes.
      const digest = new SparseDigest(job.progress.signal);
      await writeVhd(file, job.disk, { seed, sourceDateEpoch, digest });
      return digest.finish((await file.stat()).size);
    });
  },
};
