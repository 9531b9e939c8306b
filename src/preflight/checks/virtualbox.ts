/**
 * VirtualBox: not needed, but who has it wants to know whether it can start machines. It and KVM both
 * want the processor's virtualization for themselves, and what lets them live together has changed
 * twice:
 *
 * - From Linux 6.12 on KVM takes it when it is loaded, unless `kvm.enable_virt_at_load=0`, and VirtualBox
 *   then starts no machine (VirtualBox/virtualbox issues #81, #141 and #188).
 * - VirtualBox 7.2.10 no longer takes it itself: it starts no machine *with* that option (#711, #713).
 *   What it uses instead came with Linux 6.16; with an older one the first advice still holds.
 */
import { release } from 'node:os';
import { join } from 'node:path';
import { run } from '../../system/run.ts';
import { isAtLeast, textOf, versionNumbers } from '../facts.ts';
import { absent, type Check, type Finding, ok, warning } from '../finding.ts';
import { findProgram, isThere, type Who, whoRunsUs } from '../who.ts';

const KVM_TAKES_ALL = [6, 12];
const KVM_CAN_BE_ASKED = [6, 16];
const VIRTUALBOX_ASKS_KVM = [7, 2, 10];

export interface VirtualBoxPlaces {
  readonly sysModuleFolder?: string;
  readonly devicePath?: string;
  readonly kernelRelease?: string;
}

interface Found {
  readonly version: string;
  readonly kernel: readonly number[];
  /** `kvm_intel` or `kvm_amd`, when one is loaded. */
  readonly kvmModule: string | undefined;
  readonly kvmTakesAtLoad: boolean;
  readonly hasDriver: boolean;
}

export function virtualBox(places: VirtualBoxPlaces = {}): Check {
  return {
    name: 'VirtualBox',
    ifItHangs: 'warning',
    look: async (signal) => {
      const program = await findProgram('VBoxManage');
      if (program === undefined) return [absent('not installed, and not needed')];
      // Debian's wrapper prints its warnings here too, before the version.
      const { stdout } = await run([program, '--version'], { signal, accept: [0, 1] });
      const version = /^\d+\.\d+\.\d+\S*$/m.exec(stdout)?.[0];
      if (version === undefined) return [warning('VBoxManage does not tell its version')];
      const found = { version, ...(await lookAround(places)) };
      return [
        ok(version),
        ...driverFindings(found, await whoRunsUs()),
        ...kvmFindings(found, await whoRunsUs()),
      ];
    },
  };
}

async function lookAround({
  sysModuleFolder = '/sys/module',
  devicePath = '/dev/vboxdrv',
  kernelRelease = release(),
}: VirtualBoxPlaces): Promise<Omit<Found, 'version'>> {
  const loaded = (module: string) => isThere(join(sysModuleFolder, module));
  const kvmModule = (await loaded('kvm_intel'))
    ? 'kvm_intel'
    : (await loaded('kvm_amd'))
      ? 'kvm_amd'
      : undefined;
  const atLoad = await textOf(join(sysModuleFolder, 'kvm/parameters/enable_virt_at_load'));
  return {
    kernel: versionNumbers(kernelRelease),
    kvmModule,
    // Kernels before 6.12 do not have it.
    kvmTakesAtLoad: atLoad === 'Y' || atLoad === '1',
    hasDriver: await isThere(devicePath),
  };
}

function driverFindings({ hasDriver }: Found, { asRoot }: Who): readonly Finding[] {
  if (hasDriver) return [];
  return [
    warning('its kernel driver is not loaded: its machines do not start', {
      advice:
        'Where there is none for this kernel, install linux-headers-amd64 and virtualbox-dkms first.',
      commands: [asRoot('modprobe vboxdrv')],
    }),
  ];
}

function kvmFindings(found: Found, { asRoot }: Who): readonly Finding[] {
  const { kernel, kvmModule, kvmTakesAtLoad } = found;
  if (kvmModule === undefined || !isAtLeast(kernel, KVM_TAKES_ALL)) return [];
  const asksKvm =
    isAtLeast(versionNumbers(found.version), VIRTUALBOX_ASKS_KVM) &&
    isAtLeast(kernel, KVM_CAN_BE_ASKED);
  if (asksKvm === kvmTakesAtLoad) return [];
  const reload = `modprobe -r ${kvmModule} kvm && modprobe ${kvmModule}`;
  if (asksKvm)
    return [
      warning(
        'KVM is loaded with enable_virt_at_load=0, with which VirtualBox from 7.2.10 on starts no machine',
        {
          advice: 'Remove that option where it is set, then load KVM again.',
          commands: [
            'grep -rs enable_virt_at_load /etc/modprobe.d /usr/lib/modprobe.d /proc/cmdline',
            asRoot(reload),
          ],
        },
      ),
    ];
  return [
    warning(
      'KVM holds the processor’s virtualization from when it is loaded, and VirtualBox starts no machine',
      {
        advice:
          'KVM keeps working with this option, and takes the processor only while it runs a machine.',
        commands: [
          asRoot(
            `echo options kvm enable_virt_at_load=0 >/etc/modprobe.d/kvm-and-virtualbox.conf && ${reload}`,
          ),
        ],
      },
    ),
  ];
}
