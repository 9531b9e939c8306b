/** A compressed qcow2, by qemu-img. */
import { run } from '../../system/run.ts';
import type { Format, FormatJob } from './format.ts';

const fileName = (baseName: string) => `${baseName}.qcow2`;

export const qcow2: Format = {
  forms: [],
  fileNames: (baseName) => [fileName(baseName)],
  details: ['qemu-img convert -c -O qcow2'],
  room: 'deflated',
  proof: { type: 'disk', fileName, qemuFormat: 'qcow2' },
  write,
};

async function write({ baseName, disk, image, output, progress }: FormatJob): Promise<void> {
  // qemu-img reads by itself: the others need not wait for it.
  await disk.pieces[Symbol.asyncIterator]().return?.();
  await output.program(fileName(baseName), async (path) => {
    const to = ['-c', '-O', 'qcow2', '-o', 'compat=1.1'];
    await run(['qemu-img', 'convert', '-f', image.format, ...to, image.path, path], {
      signal: progress.signal,
      log: (line, origin) => progress.log(line, origin),
    });
  });
}
