/**
 * Stage 7. The finished file is read back, and a throw-away copy of its disk is booted with nothing
 * attached, once under BIOS and once under UEFI; each time the system must say that it is up, the
 * manifest's checks must hold inside, and the power button must end it.
 */
import { randomUUID } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { MachineFacts } from '../appliance/read-ova.ts';
import type { Firmware, Hypervisor } from '../hypervisors/hypervisor.ts';
import { messageOf } from '../system/error.ts';
import { Releases } from '../system/releases.ts';
import { BOOT_STEPS, type BootResult, verifyBoot } from './boot.ts';
import { bootNames } from './boot-names.ts';
import type { ApplianceCheck } from './check.ts';
import { type VerifyLimits, verifyLimits } from './limits.ts';
import { Steps, type VerifyProgress } from './progress.ts';
import { READ_BACK_STEPS, readBack } from './read-back.ts';
import { skipped, type VerifyCheck, type VerifyReport, writeReport } from './report.ts';

export interface VerifyRequest {
  /** An OVA, or an OVF with its files beside it. */
  readonly packagePath: string;
  /** The manifest's; none when the file stands alone. */
  readonly checks: readonly ApplianceCheck[];
  readonly hypervisor: Hypervisor;
  /** Made when it is not there. Keeps the report, the pictures and the logs; the disks are removed. */
  readonly workFolder: string;
  /** Those that are not given suit the speed of the machine. */
  readonly limits?: Partial<VerifyLimits> | undefined;
}

/** Every appliance boots under both, whatever its descriptor prefers: importers drop that key. */
const FIRMWARES: readonly Firmware[] = ['bios', 'uefi'];

/** Steps that all the boots together begin. */
export const BOOTS_STEPS = FIRMWARES.length * BOOT_STEPS;

/**
 * What was found, which may be failures: `verificationFailure` makes an error of them.
 * @throws PvmcError of the kind `input` when the file is no OVA at all, and whenever it was not the
 * appliance that failed; the signal's reason when the run was ended.
 */
export async function verifyAppliance(
  request: VerifyRequest,
  progress: VerifyProgress,
): Promise<VerifyReport> {
  const { workFolder } = request;
  await using releases = new Releases((what, failure) => {
    progress.log(`${what} could not be given back: ${messageOf(failure)}`, 'verify');
  });
  await mkdir(workFolder, { recursive: true });
  const diskPath = join(workFolder, 'disk.raw');
  // One that is there was left by a run that was killed.
  await rm(diskPath, { force: true });
  releases.add('the unpacked disk', () => rm(diskPath, { force: true }));
  const steps = new Steps(progress, READ_BACK_STEPS + BOOTS_STEPS);
  const { checks, machine } = await readBack({ ...request, diskPath }, steps, progress);
  const boots = machine
    ? await verifyDisk({ ...request, machine, diskPath }, steps, progress)
    : withoutBoots();
  return concludeReport(workFolder, checks, boots);
}

/** The report of what was read back and of the boots, kept in the work folder too. */
export async function concludeReport(
  workFolder: string,
  readBackChecks: readonly VerifyCheck[],
  boots: readonly BootResult[],
): Promise<VerifyReport> {
  const report: VerifyReport = {
    checks: [...readBackChecks, ...boots.flatMap((boot) => boot.checks)],
    folder: workFolder,
    screenshots: boots.flatMap(({ screenshot }) => screenshot ?? []),
  };
  await writeReport(join(workFolder, 'report.json'), report);
  return report;
}

export interface DiskRequest extends Omit<VerifyRequest, 'packagePath'> {
  readonly machine: Pick<MachineFacts, 'memoryBytes' | 'cpus' | 'hasNetwork'>;
  /** Raw. It is not written to. */
  readonly diskPath: string;
}

/** Boots the disk under each firmware, one after the other. */
export async function verifyDisk(
  request: DiskRequest,
  steps: Steps,
  progress: VerifyProgress,
): Promise<readonly BootResult[]> {
  const { hypervisor, workFolder, machine, diskPath, checks } = request;
  const results: BootResult[] = [];
  for (const firmware of FIRMWARES) {
    const { acceleration } = await hypervisor.capabilities();
    const bootRequest = {
      firmware,
      machineName: `pvmc-verify-${randomUUID().slice(0, 8)}-${firmware}`,
      diskPath,
      memoryBytes: machine.memoryBytes,
      // More processors than this computer has would only get into each other's way.
      cpus: Math.min(machine.cpus, availableParallelism()),
      hasNetwork: machine.hasNetwork,
      checks,
      hypervisor,
      folder: join(workFolder, firmware),
      limits: verifyLimits(acceleration, request.limits),
    };
    results.push(await verifyBoot(bootRequest, steps, progress));
  }
  return results;
}

/** What is damaged is not booted. */
export function withoutBoots(): readonly BootResult[] {
  const why = 'what is damaged is not booted';
  return FIRMWARES.map((firmware) => ({
    checks: [skipped(bootNames(firmware).boot, why)],
    screenshot: undefined,
  }));
}
