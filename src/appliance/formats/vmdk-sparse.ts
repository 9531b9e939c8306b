/** A VMDK to attach and to write to. Its name differs from that of the streamOptimized one. */
import { derivedContentId } from '../../system/identity.ts';
import { writeSparseVmdk } from '../vmdk/sparse-writer.ts';
import { singleFile } from './single-file.ts';

export const vmdkSparse = singleFile({
  ending: '.sparse.vmdk',
  details: 'a monolithicSparse VMDK, which machines can write to',
  room: 'plain',
  proof: { qemuFormat: 'vmdk' },
  write: (file, { fileName, disk, seed }) => {
    const contentId = derivedContentId(...seed, 'monolithicSparse');
    return writeSparseVmdk(file, disk, { name: fileName, contentId });
  },
});
