/** VirtualBox's own format. */
import { writeVdi } from '../vdi/writer.ts';
import { singleFile } from './single-file.ts';

export const vdi = singleFile({
  ending: '.vdi',
  details: 'a dynamic VDI',
  room: 'plain',
  proof: { qemuFormat: 'vdi' },
  write: (file, { disk, seed }) => writeVdi(file, disk, { seed }),
});
