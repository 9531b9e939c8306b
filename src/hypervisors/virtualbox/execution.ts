/**
 * How VirtualBox will run guests here: on the processor, or in its interpreter. The latter is only for tests
 * and for those who ask for it (`VBoxManage setextradata global VBoxInternal/HM/FallbackToIEM 1`), so a
 * Linux host that can do neither is refused before a machine is made.
 */
import { access, readFile } from 'node:fs/promises';
import { release } from 'node:os';
import { join } from 'node:path';
import { PvmcError } from '../../system/error.ts';
import type { Capabilities } from '../hypervisor.ts';
import type { Dialect } from './dialect.ts';
import { NO_DRIVER_HINT } from './start-failure.ts';
import type { VBoxManage } from './vboxmanage.ts';

/** What is known of this computer; undefined where it cannot be known without trying. */
export interface HostFacts {
  readonly hasDriver: boolean;
  readonly hasVirtualization: boolean;
  /** The one that is loaded. */
  readonly kvmModule: 'kvm_intel' | 'kvm_amd' | undefined;
  /** Loaded, it holds the processor at once, as Linux 6.12 and later do unless told otherwise. */
  readonly kvmHoldsProcessor: boolean;
  /** Linux 6.16 and later have what VirtualBox asks KVM through. */
  readonly kvmCanBeAsked: boolean;
}

export type Execution = Capabilities['acceleration'];

/** @throws PvmcError `virtualbox-no-driver`, `virtualbox-no-virtualization` */
export async function probeExecution(
  manage: VBoxManage,
  facts: HostFacts | undefined,
): Promise<Execution> {
  if (!facts) return { available: true, why: 'with VirtualBox' };
  const { hasDriver, hasVirtualization } = facts;
  if (hasDriver && hasVirtualization) return { available: true, why: 'with VirtualBox’s driver' };
  const why = hasDriver
    ? 'the processor has no VT-x or AMD-V'
    : 'VirtualBox’s kernel driver is not loaded';
  if (await mayInterpret(manage)) return { available: false, interpreted: true, why };
  throw new PvmcError({
    kind: 'host',
    code: hasDriver ? 'virtualbox-no-virtualization' : 'virtualbox-no-driver',
    message: `VirtualBox cannot run a machine here: ${why}`,
    hint: hasDriver ? 'Switch VT-x or AMD-V on in the firmware’s set-up.' : NO_DRIVER_HINT,
  });
}

/**
 * How KVM keeps VirtualBox from starting machines: it holds the processor, which this VirtualBox cannot
 * share (VirtualBox/virtualbox issues #81, #141, #188), or it is told not to switch on what this
 * VirtualBox, from 7.2.10 on, takes from it (#711, #713). Undefined when it is not known to.
 */
export function kvmConflict(
  { kvmModule, kvmHoldsProcessor, kvmCanBeAsked }: HostFacts,
  dialect: Dialect,
): 'held' | 'switched-off' | undefined {
  const shares = dialect.sharesWithKvm && kvmCanBeAsked;
  if (kvmModule === undefined || kvmHoldsProcessor === shares) return undefined;
  return shares ? 'switched-off' : 'held';
}

/** What to read before a machine fails to start; undefined when nothing is known to stand in the way. */
export function kvmWarning(facts: HostFacts | undefined, dialect: Dialect): string | undefined {
  const conflict = facts?.hasDriver === true ? kvmConflict(facts, dialect) : undefined;
  switch (conflict) {
    case 'held':
      return `KVM is loaded and holds the processor, which VirtualBox ${dialect.version} cannot share: if the machine does not start, sudo modprobe -r kvm_intel kvm_amd`;
    case 'switched-off':
      return `VirtualBox ${dialect.version} shares the processor with KVM, which is told not to switch it on (kvm.enable_virt_at_load=0): machines may not start until that is removed`;
    case undefined:
      return undefined;
  }
}

async function mayInterpret(manage: VBoxManage): Promise<boolean> {
  const { stdout } = await manage.run(['getextradata', 'global', 'VBoxInternal/HM/FallbackToIEM']);
  return /^Value: 1$/m.test(stdout);
}

/** Where Linux tells; others for tests. */
export interface HostPlaces {
  readonly modules?: string;
  readonly device?: string;
  readonly kernel?: string;
}

/** Only Linux tells without trying. */
export async function factsOfHost(places: HostPlaces = {}): Promise<HostFacts | undefined> {
  if (process.platform !== 'linux') return undefined;
  const { modules = '/sys/module', device = '/dev/vboxdrv', kernel = release() } = places;
  const processor = await readFile('/proc/cpuinfo', 'utf8').catch(() => '');
  const parameter = join(modules, 'kvm/parameters/enable_virt_at_load');
  const atLoad = await readFile(parameter, 'utf8').catch(() => 'N');
  return {
    hasDriver: await exists(device),
    hasVirtualization: /^flags\s*:.*\b(?:vmx|svm)\b/m.test(processor),
    kvmModule: (await exists(join(modules, 'kvm_intel')))
      ? 'kvm_intel'
      : (await exists(join(modules, 'kvm_amd')))
        ? 'kvm_amd'
        : undefined,
    kvmHoldsProcessor: atLoad.trim() === 'Y' && isAtLeast(kernel, [6, 12]),
    kvmCanBeAsked: isAtLeast(kernel, [6, 16]),
  };
}

function isAtLeast(kernel: string, [leastMajor, leastMinor]: readonly [number, number]): boolean {
  const [major = 0, minor = 0] = kernel.split('.').map(Number.parseFloat);
  return major > leastMajor || (major === leastMajor && minor >= leastMinor);
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
