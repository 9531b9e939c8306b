/** A VMDK to attach and to write to. Its name differs from that of the streamOptimized one. */
import { derivedContentId } from '../../system/identity.ts';
import { writeSparseVmdk } from '../vmdk/sparse-writer.ts';
import type { Format } from './format.ts';

const fileName = (baseName: string) => `${baseName}.sparse.vmdk`;

export const vmdkSparse: Format = {
  forms: [],
  fileNames: (baseName) => [fileName(baseName)],
  details: ['a monolithicSparse VMDK, which machines can write to'],
  room: 'plain',
  proof: { type: 'disk', fileName, qemuFormat: 'vmdk' },
  write: async (job) => {
    await job.output.file(fileName(job.baseName), async (file) => {
      const words = [job.baseName, job.manifest.version, String(job.disk.sizeBytes)];
      const contentId = derivedContentId(...words, 'monolithicSparse');
      await writeSparseVmdk(file, job.disk, { name: fileName(job.baseName), contentId });
      return undefined;
    });
  },
};
