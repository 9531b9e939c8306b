/** What Azure takes. */
import { writeVhd } from '../vhd/writer.ts';
import { hashedFile } from './single-file.ts';

export const vhd = hashedFile({
  ending: '.vhd',
  details: 'a fixed VHD, its size rounded up to a mebibyte; a sparse file',
  room: 'plain',
  proof: { qemuFormat: 'vpc' },
  write: (file, { disk, seed, sourceDateEpoch, digest }) =>
    writeVhd(file, disk, { seed, sourceDateEpoch, digest }),
});
