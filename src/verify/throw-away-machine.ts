/**
 * The machine that verify boots: as the descriptor describes it, with a copy of the disk that is
 * thrown away, and with the probe when the hypervisor can bring it in.
 */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Firmware, Hypervisor, RunningMachine } from '../hypervisors/hypervisor.ts';
import type { Releases } from '../system/releases.ts';
import type { ApplianceCheck } from './check.ts';
import type { VerifyLimits } from './limits.ts';
import { probeCredentials } from './probe.ts';
import type { VerifyProgress } from './progress.ts';

export interface BootRequest {
  readonly firmware: Firmware;
  /** Unique among the machines of this user. */
  readonly machineName: string;
  /** The disk, raw. It is not written to. */
  readonly diskPath: string;
  readonly memoryBytes: number;
  readonly cpus: number;
  readonly hasNetwork: boolean;
  readonly checks: readonly ApplianceCheck[];
  readonly hypervisor: Hypervisor;
  /** Takes the console's log and the picture of the screen. */
  readonly folder: string;
  readonly limits: VerifyLimits;
}

export interface StartedThrowAway {
  readonly running: RunningMachine;
  readonly consoleLogPath: string;
  /** Where the words of the second serial line are to be kept. */
  readonly linkLogPath: string;
  /** The probe was brought in. */
  readonly canProbe: boolean;
}

export async function startThrowAway(
  request: BootRequest,
  { releases, progress }: { readonly releases: Releases; readonly progress: VerifyProgress },
): Promise<StartedThrowAway> {
  const { hypervisor, folder } = request;
  await mkdir(folder, { recursive: true });
  const consoleLogPath = join(folder, 'console.log');
  const linkLogPath = join(folder, 'link.log');
  // Of an earlier run in the same folder.
  for (const path of [consoleLogPath, linkLogPath]) await rm(path, { force: true });
  const { credentials: canProbe } = await hypervisor.capabilities();
  const { checks, limits, hasNetwork } = request;
  const { checkSeconds } = limits;
  const machine = await hypervisor.create(
    {
      name: request.machineName,
      memoryBytes: request.memoryBytes,
      cpus: request.cpus,
      firmware: request.firmware,
      network: hasNetwork ? 'nat' : 'none',
      disk: { type: 'throw-away', path: request.diskPath },
      devices: 'appliance',
      consoleLogPath,
      runtimeFolder: join(folder, 'machine'),
      ...(canProbe ? { credentials: probeCredentials({ checks, checkSeconds }) } : {}),
    },
    progress,
  );
  releases.add('the machine', () => machine.discard());
  const running = await machine.start(progress);
  releases.add('the running machine', () => running.stop());
  return { running, consoleLogPath, linkLogPath, canProbe };
}
