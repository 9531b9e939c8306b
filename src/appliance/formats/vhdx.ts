/** Hyper-V's format. */
import { writeVhdx } from '../vhdx/writer.ts';
import { singleFile } from './single-file.ts';

export const vhdx = singleFile({
  ending: '.vhdx',
  details: 'a dynamic VHDX with blocks of 1 MiB',
  room: 'plain',
  proof: { qemuFormat: 'vhdx' },
  write: (file, { disk, seed }) => writeVhdx(file, disk, { seed }),
});
