/**
 * What can be said of a disk that comes without a descriptor, or of a box: it can be unpacked, and it boots. Of the
 * machine that it is for it says nothing.
 */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { rawDiskOf } from '../contents/raw-disk.ts';
import { aliveByAmount, Steps, type VerifyProgress } from './progress.ts';
import { checkOf, type VerifyReport } from './report.ts';
import {
  BOOTS_STEPS,
  concludeReport,
  type DiskRequest,
  verifyDisk,
  withoutBoots,
} from './verify.ts';

export interface DiskFileRequest extends Omit<DiskRequest, 'diskPath'> {
  /** A disk of any format that pvmc reads, or a Vagrant box. It is not changed. */
  readonly path: string;
}

/** What was found, which may be failures. @throws as `verifyAppliance` */
export async function verifyDiskFile(
  request: DiskFileRequest,
  progress: VerifyProgress,
): Promise<VerifyReport> {
  const { path, workFolder } = request;
  await mkdir(workFolder, { recursive: true });
  const unpacked = join(workFolder, 'disk.raw');
  // One that is there was left by a run that was killed.
  await rm(unpacked, { force: true });
  const steps = new Steps(progress, 1 + BOOTS_STEPS);
  let diskPath: string | undefined;
  try {
    steps.begin('disk', 'Unpack the disk');
    const disk = await checkOf('disk', async () => {
      const raw = await rawDiskOf(path, unpacked, aliveByAmount(progress));
      diskPath = raw.path;
      return raw.from;
    });
    const boots =
      diskPath === undefined
        ? withoutBoots()
        : await verifyDisk({ ...request, diskPath }, steps, progress);
    return await concludeReport(workFolder, [disk], boots);
  } finally {
    await rm(unpacked, { force: true });
  }
}
