/** VirtualBox's own format. */
import { writeVdi } from '../vdi/writer.ts';
import type { Format } from './format.ts';

const fileName = (baseName: string) => `${baseName}.vdi`;

export const vdi: Format = {
  forms: [],
  fileNames: (baseName) => [fileName(baseName)],
  details: ['a dynamic VDI'],
  room: 'plain',
  proof: { type: 'disk', fileName, qemuFormat: 'vdi' },
  write: async (job) => {
    await job.output.file(fileName(job.baseName), async (file) => {
      const seed = [job.baseName, job.manifest.version, String(job.disk.sizeBytes)];
      await writeVdi(file, job.disk, { seed });
      return undefined;
    });
  },
};
