/** Stage 7: what was exported is read back and seen to boot, from the file that users will get. */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ExportedFile } from '../appliance/export.ts';
import type { Hypervisor } from '../hypervisors/hypervisor.ts';
import type { Manifest } from '../manifest/schema.ts';
import { secondsSince } from '../system/elapsed.ts';
import { run } from '../system/run.ts';
import { formatDuration } from '../system/size.ts';
import { Steps } from '../verify/progress.ts';
import { type VerifyReport, verificationFailure } from '../verify/report.ts';
import { BOOTS_STEPS, concludeReport, verifyAppliance, verifyDisk } from '../verify/verify.ts';
import type { StageOutcome, StageProgress } from './stage-runner.ts';

export interface VerifyStageOptions {
  readonly files: readonly ExportedFile[];
  readonly manifest: Manifest;
  readonly hypervisor: Hypervisor;
  readonly workFolder: string;
  readonly silenceSeconds?: number | undefined;
}

/**
 * Verifies the OVA, or the first of the disks where none is made.
 * @throws PvmcError `verify-failed` when it did not pass.
 */
export async function verifyExport(
  options: VerifyStageOptions,
  progress: StageProgress,
): Promise<StageOutcome<VerifyReport>> {
  const { files, manifest, hypervisor, workFolder } = options;
  const file = files.find(({ format }) => format === 'ova') ?? files[0];
  if (!file) throw new Error('nothing was exported');
  const started = performance.now();
  const { silenceSeconds } = options;
  const request = {
    checks: manifest.checks,
    hypervisor,
    workFolder,
    limits: silenceSeconds === undefined ? {} : { silenceSeconds },
  };
  const report =
    file.format === 'ova'
      ? await verifyAppliance({ ...request, ovaPath: file.path }, progress)
      : await verifyDiskFile({ ...request, file, machine: manifest.machine }, progress);
  const failure = verificationFailure(report, file.path);
  if (failure) throw failure;
  const passed = report.checks.filter(({ outcome }) => outcome === 'passed').length;
  return {
    value: report,
    result: `${passed} checks passed, under BIOS and UEFI, in ${formatDuration(secondsSince(started))}`,
  };
}

interface DiskFileRequest extends Omit<Parameters<typeof verifyDisk>[0], 'diskPath' | 'machine'> {
  readonly file: ExportedFile;
  readonly machine: Manifest['machine'];
}

async function verifyDiskFile(
  { file, machine, ...request }: DiskFileRequest,
  progress: StageProgress,
): Promise<VerifyReport> {
  const { workFolder } = request;
  await mkdir(workFolder, { recursive: true });
  const unpacked = join(workFolder, 'disk.raw');
  try {
    if (file.format !== 'raw') {
      const argv = ['qemu-img', 'convert', '-f', file.format, '-O', 'raw', file.path, unpacked];
      await run(argv, { signal: progress.signal, log: (line, from) => progress.log(line, from) });
    }
    const boots = await verifyDisk(
      {
        ...request,
        diskPath: file.format === 'raw' ? file.path : unpacked,
        machine: {
          memoryBytes: machine.memory,
          cpus: machine.cpus,
          hasNetwork: machine.network !== 'none',
        },
      },
      new Steps(progress, BOOTS_STEPS),
      progress,
    );
    return await concludeReport(workFolder, [], boots);
  } finally {
    await rm(unpacked, { force: true });
  }
}
