/** Stage 7: what was exported is read back and seen to boot, from the file that users will get. */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ExportedFile } from '../appliance/export.ts';
import { FORMATS } from '../appliance/formats/formats.ts';
import type { Hypervisor } from '../hypervisors/hypervisor.ts';
import type { ExportFormat } from '../manifest/export-formats.ts';
import type { Manifest } from '../manifest/schema.ts';
import { counted } from '../system/counted.ts';
import { run } from '../system/run.ts';
import { Steps } from '../verify/progress.ts';
import { type VerifyReport, verificationFailure } from '../verify/report.ts';
import { BOOTS_STEPS, concludeReport, verifyAppliance, verifyDisk } from '../verify/verify.ts';
import { baseName } from './placed-files.ts';
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
  const file = files.find(isOva) ?? files[0];
  if (!file) throw new Error('nothing was exported');
  const { silenceSeconds } = options;
  const request = {
    checks: manifest.checks,
    hypervisor,
    workFolder,
    limits: silenceSeconds === undefined ? {} : { silenceSeconds },
  };
  const report = isOva(file)
    ? await verifyAppliance({ ...request, ovaPath: file.path }, progress)
    : await verifyDiskFile({ ...request, files, format: file.format, manifest }, progress);
  const failure = verificationFailure(report, file.path);
  if (failure) throw failure;
  const passed = report.checks.filter(({ outcome }) => outcome === 'passed').length;
  return {
    value: report,
    result: `${counted(passed, 'check')} passed, under BIOS and UEFI`,
  };
}

function isOva({ format }: ExportedFile): boolean {
  return FORMATS[format].proof.type === 'ova';
}

interface DiskFileRequest extends Omit<Parameters<typeof verifyDisk>[0], 'diskPath' | 'machine'> {
  readonly files: readonly ExportedFile[];
  /** Of which of them the disk is taken. */
  readonly format: ExportFormat;
  readonly manifest: Manifest;
}

async function verifyDiskFile(
  { files, format, manifest, ...request }: DiskFileRequest,
  progress: StageProgress,
): Promise<VerifyReport> {
  const { workFolder } = request;
  const { machine } = manifest;
  await mkdir(workFolder, { recursive: true });
  const { path: file, qemuFormat, packedBy, member } = diskOf(files, format, baseName(manifest));
  const unpacked = join(workFolder, 'disk.raw');
  const path = member === undefined ? file : join(workFolder, member);
  const isRaw = qemuFormat === 'raw' && packedBy === undefined;
  try {
    if (member !== undefined) {
      const argv = ['tar', '-x', '-f', file, '-C', workFolder, member];
      await run(argv, { signal: progress.signal });
    }
    if (!isRaw) {
      const argv =
        packedBy === undefined
          ? ['qemu-img', 'convert', '-f', qemuFormat, '-O', 'raw', path, unpacked]
          : [packedBy, '-d', '-q', '-f', '--sparse', '-o', unpacked, path];
      await run(argv, { signal: progress.signal, log: (line, from) => progress.log(line, from) });
    }
    const boots = await verifyDisk(
      {
        ...request,
        diskPath: isRaw ? path : unpacked,
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
    if (path !== file) await rm(path, { force: true });
  }
}

/** The file of a format that qemu-img reads. */
function diskOf(files: readonly ExportedFile[], format: ExportFormat, base: string) {
  const { proof } = FORMATS[format];
  if (proof.type !== 'disk') throw new Error(`${format} is no disk`);
  const name = proof.fileName(base);
  const file = files.find(({ path }) => path.endsWith(`/${name}`));
  if (!file) throw new Error(`${name} was not exported`);
  const { qemuFormat, packedBy, member } = proof;
  return { path: file.path, qemuFormat, packedBy, member };
}
