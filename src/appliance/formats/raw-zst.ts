/** The plain disk, compressed by zstd. */
import { writeZst } from '../zst/writer.ts';
import { singleFile } from './single-file.ts';

export const rawZst = singleFile({
  ending: '.raw.zst',
  details: 'zstd -9 of the disk byte for byte',
  room: 'deflated',
  proof: { qemuFormat: 'raw', packedBy: 'zstd' },
  write: (file, { disk, progress }) => writeZst(file, disk, { progress }),
});
