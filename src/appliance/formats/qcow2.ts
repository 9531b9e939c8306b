/** A compressed qcow2: most of what QEMU runs on takes it. */
import { writeQcow2 } from '../qcow2/writer.ts';
import { singleFile } from './single-file.ts';

export const qcow2 = singleFile({
  ending: '.qcow2',
  details: 'version 3, compressed clusters',
  forms: ['deflatedSmall'],
  room: 'deflated',
  proof: { qemuFormat: 'qcow2' },
  write: (file, { disk }) => writeQcow2(file, disk),
});
