/**
 * How VirtualBox will run guests here: on the processor, or in its interpreter. The latter is only for tests
 * and for those who ask for it (`VBoxManage setextradata global VBoxInternal/HM/FallbackToIEM 1`), so a
 * Linux host that can do neither is refused before a machine is made.
 */
import { access, readFile } from 'node:fs/promises';
import { release } from 'node:os';
import { PvmcError } from '../../system/error.ts';
import type { Capabilities } from '../hypervisor.ts';
import type { Dialect } from './dialect.ts';
import { NO_DRIVER_HINT } from './start-failure.ts';
import type { VBoxManage } from './vboxmanage.ts';

/** What is known of this computer; undefined where it cannot be known without trying. */
export interface HostFacts {
  readonly hasDriver: boolean;
  readonly hasVirtualization: boolean;
  /** The module kvm_intel or kvm_amd is loaded. */
  readonly kvmLoaded: boolean;
  /** Loaded, it holds the processor at once, as Linux 6.12 and later do unless told otherwise. */
  readonly kvmHoldsProcessor: boolean;
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
  if (await mayInterpret(manage)) return { available: false, why };
  throw new PvmcError({
    kind: 'host',
    code: hasDriver ? 'virtualbox-no-virtualization' : 'virtualbox-no-driver',
    message: `VirtualBox cannot run a machine here: ${why}`,
    hint: hasDriver ? 'Switch VT-x or AMD-V on in the firmware’s set-up.' : NO_DRIVER_HINT,
  });
}

/** What to read before a machine fails to start; undefined when nothing is known to stand in the way. */
export function kvmWarning(facts: HostFacts | undefined, dialect: Dialect): string | undefined {
  if (!facts?.hasDriver || !facts.kvmLoaded) return undefined;
  if (facts.kvmHoldsProcessor === dialect.sharesWithKvm) return undefined;
  return dialect.sharesWithKvm
    ? `VirtualBox ${dialect.version} shares the processor with KVM, which is told not to switch it on (kvm.enable_virt_at_load=0): machines may not start until that is removed`
    : `KVM is loaded and holds the processor, which VirtualBox ${dialect.version} cannot share: if the machine does not start, sudo modprobe -r kvm_intel kvm_amd`;
}

async function mayInterpret(manage: VBoxManage): Promise<boolean> {
  const { stdout } = await manage.run(['getextradata', 'global', 'VBoxInternal/HM/FallbackToIEM']);
  return /^Value: 1$/m.test(stdout);
}

/** Only Linux tells without trying. */
export async function factsOfHost(): Promise<HostFacts | undefined> {
  if (process.platform !== 'linux') return undefined;
  const processor = await readFile('/proc/cpuinfo', 'utf8').catch(() => '');
  const parameter = '/sys/module/kvm/parameters/enable_virt_at_load';
  const atLoad = await readFile(parameter, 'utf8').catch(() => 'N');
  return {
    hasDriver: await exists('/dev/vboxdrv'),
    hasVirtualization: /^flags\s*:.*\b(?:vmx|svm)\b/m.test(processor),
    kvmLoaded: (await exists('/sys/module/kvm_intel')) || (await exists('/sys/module/kvm_amd')),
    kvmHoldsProcessor: atLoad.trim() === 'Y' && holdsAtLoad(release()),
  };
}

function holdsAtLoad(kernel: string): boolean {
  const [major = 0, minor = 0] = kernel.split('.').map(Number.parseFloat);
  return major > 6 || (major === 6 && minor >= 12);
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
