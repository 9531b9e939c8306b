/** What a guest writes to a disk that must stay as it is goes into a file of its own, which costs nothing to make. */
import { rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import { run } from '../../system/run.ts';

/** Its name in the machine's folder. */
export const OVERLAY = 'overlay.qcow2';

/** Makes an empty one, in place of whatever has that name. */
export async function createOverlay(diskPath: string, overlayPath: string): Promise<void> {
  await rm(overlayPath, { force: true });
  const make = ['qemu-img', 'create', '-q', '-f', 'qcow2', '-F', 'raw'];
  await run([...make, '-b', resolve(diskPath), overlayPath]);
}
