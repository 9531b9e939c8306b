/** Stage 7: what was exported is read back and seen to boot, from the file that users will get. */
import { basename } from 'node:path';
import type { ExportedFile } from '../appliance/export.ts';
import { FORMATS } from '../appliance/formats/formats.ts';
import type { Hypervisor } from '../hypervisors/hypervisor.ts';
import type { Manifest } from '../manifest/schema.ts';
import { counted } from '../system/counted.ts';
import { type VerifyReport, verificationFailure } from '../verify/report.ts';
import { verifyAppliance } from '../verify/verify.ts';
import { verifyDiskFile } from '../verify/verify-disk-file.ts';
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
 * Verifies the OVA; where none is made the OVF, else the disk of the first format.
 * @throws PvmcError `verify-failed` when it did not pass.
 */
export async function verifyExport(
  options: VerifyStageOptions,
  progress: StageProgress,
): Promise<StageOutcome<VerifyReport>> {
  const { files, manifest, hypervisor, workFolder, silenceSeconds } = options;
  const path = exportToVerify(files, baseName(manifest));
  const request = {
    checks: manifest.checks,
    hypervisor,
    workFolder,
    limits: silenceSeconds === undefined ? {} : { silenceSeconds },
  };
  const report = isPackagePath(path)
    ? await verifyAppliance({ ...request, packagePath: path }, progress)
    : await verifyDiskFile({ ...request, path, machine: machineOf(manifest) }, progress);
  const failure = verificationFailure(report, path);
  if (failure) throw failure;
  const passed = report.checks.filter(({ outcome }) => outcome === 'passed').length;
  return {
    value: report,
    result: `${counted(passed, 'check')} passed, under BIOS and UEFI, of ${basename(path)}`,
  };
}

/** A file that tells which machine it is for. */
export function isPackagePath(path: string): boolean {
  return /\.(ova|ovf)$/i.test(path);
}

/** What a disk does not say of the machine that it is for. */
export function machineOf({ machine }: Manifest) {
  const { memory, cpus, network } = machine;
  return { memoryBytes: memory, cpus, hasNetwork: network !== 'none' };
}

/** Of what users receive, what says most of itself. */
export function exportToVerify(files: readonly ExportedFile[], base: string): string {
  const named = (ending: string) => files.find(({ path }) => path.endsWith(ending))?.path;
  const whole = named('.ova') ?? named('.ovf');
  if (whole !== undefined) return whole;
  const [first] = files;
  if (!first) throw new Error('nothing was exported');
  const { proof } = FORMATS[first.format];
  const name = proof.type === 'disk' ? named(`/${proof.fileName(base)}`) : undefined;
  return name ?? first.path;
}
