/** VirtualBox's reasons for not making or not starting a machine, as errors that tell what to do. */
import { PvmcError } from '../../system/error.ts';
import { formatSize } from '../../system/size.ts';
import type { MachineSpecification } from '../hypervisor.ts';
import type { Dialect } from './dialect.ts';
import { ManageFailure } from './vboxmanage.ts';

export interface Failed {
  readonly specification: Pick<MachineSpecification, 'name' | 'memoryBytes' | 'runtimeFolder'>;
  readonly dialect: Dialect;
}

type Reason = (failed: Failed) => ConstructorParameters<typeof PvmcError>[0];

export const NO_DRIVER_HINT =
  'Install or rebuild it: as root, /sbin/vboxconfig, or on Debian apt install virtualbox-dkms. With Secure Boot its\n' +
  'module must be signed (mokutil). Without it VirtualBox can only interpret: some hundred times slower, see\n' +
  'docs/virtualbox.md.';

const REASONS: readonly { readonly said: RegExp; readonly reason: Reason }[] = [
  {
    said: /VERR_VM_DRIVER_(?:NOT_INSTALLED|LOAD_ERROR|OPEN_ERROR)|VERR_SUP_DRIVERLESS/,
    reason: () => ({
      kind: 'host',
      code: 'virtualbox-no-driver',
      message: 'VirtualBox’s kernel driver is not loaded',
      hint: NO_DRIVER_HINT,
    }),
  },
  {
    said: /VERR_VM_DRIVER_VERSION_MISMATCH/,
    reason: () => ({
      kind: 'host',
      code: 'virtualbox-no-driver',
      message: 'VirtualBox’s kernel driver is of another version than VirtualBox itself',
      hint: NO_DRIVER_HINT,
    }),
  },
  {
    said: /VERR_VM_DRIVER_NOT_ACCESSIBLE|E_ACCESSDENIED|VERR_ACCESS_DENIED/,
    reason: ({ specification: { name } }) => ({
      kind: 'host',
      code: 'virtualbox-no-access',
      message: `VirtualBox may not use what the machine ${name} needs: its driver, or one of the machine's files`,
      hint: 'Is your user in the group vboxusers, and may it read and write the files that are named above?',
    }),
  },
  {
    said: /VERR_VMX_IN_VMX_ROOT_MODE|VERR_SVM_IN_USE/,
    reason: ({ dialect }) => ({
      kind: 'host',
      code: 'virtualbox-kvm-conflict',
      message: `another hypervisor, most likely KVM, holds the processor, and VirtualBox ${dialect.version} cannot take it`,
      hint: dialect.sharesWithKvm
        ? 'End the machines that run under KVM, or unload it: sudo modprobe -r kvm_intel kvm_amd'
        : 'Unload KVM: sudo modprobe -r kvm_intel kvm_amd. For good: the kernel option kvm.enable_virt_at_load=0,\n' +
          'or VirtualBox 7.2.10 or newer.',
    }),
  },
  {
    said: /VERR_SVM_HOST_SVME_NOT_ENABLED|VERR_VMX_HOST_\w+/,
    reason: ({ dialect }) => ({
      kind: 'host',
      code: 'virtualbox-kvm-conflict',
      message: `VirtualBox ${dialect.version} shares the processor with KVM, and KVM has not switched it on`,
      hint:
        'Remove kvm.enable_virt_at_load=0 from the kernel’s options and from /etc/modprobe.d, then restart this\n' +
        'computer; or unload KVM: sudo modprobe -r kvm_intel kvm_amd',
    }),
  },
  {
    said: /VERR_VMX_NO_VMX|VERR_SVM_NO_SVM|VERR_SVM_DISABLED|VERR_VMX_MSR_\w+|VERR_NEM_\w+/,
    reason: () => ({
      kind: 'host',
      code: 'virtualbox-no-virtualization',
      message: 'this processor has no hardware virtualization, or the firmware has switched it off',
      hint: 'Switch VT-x or AMD-V on in the firmware’s set-up. In a virtual machine, its hypervisor must offer it.',
    }),
  },
  {
    said: /VERR_NO_MEMORY|VERR_GMM_|out of memory/i,
    reason: ({ specification: { memoryBytes } }) => ({
      kind: 'host',
      code: 'memory-insufficient',
      message: `this host cannot give the machine ${formatSize(memoryBytes)} of memory`,
      hint: 'End other programs, or lower `memory` of the machine in the manifest.',
    }),
  },
  {
    said: /VERR_DISK_FULL|No space left on device/,
    reason: ({ specification: { name, runtimeFolder } }) => ({
      kind: 'host',
      code: 'no-space',
      message: `no space is left for the machine ${name}`,
      hint: `Make room on the disk that holds ${runtimeFolder}.`,
    }),
  },
];

/** What was thrown, explained if it is a reason that is known. */
export function explained(thrown: unknown, failed: Failed): unknown {
  if (!(thrown instanceof ManageFailure)) return thrown;
  const known = REASONS.find(({ said }) => thrown.says(said));
  if (!known) return thrown;
  return new PvmcError({ details: thrown.said, ...known.reason(failed), cause: thrown });
}
