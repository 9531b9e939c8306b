import { expect, it } from 'vitest';
import type { MachineSpecification } from '../hypervisor.ts';
import { dialectOf } from './dialect.ts';
import { explained } from './start-failure.ts';
import { ManageFailure } from './vboxmanage.ts';

const specification: MachineSpecification = {
  name: 'shop',
  memoryBytes: 2 ** 30,
  cpus: 1,
  firmware: 'bios',
  network: 'nat',
  disk: { type: 'existing', path: 'disk.raw', format: 'raw' },
  devices: 'fast',
  consoleLogPath: 'console.log',
  runtimeFolder: 'machine',
};

function explain(said: readonly string[], version = '7.2.22r1'): unknown {
  const failure = new ManageFailure(['VBoxManage', 'startvm', 'shop'], said);
  return explained(failure, { specification, dialect: dialectOf(version) });
}

/** As VirtualBox words them, or as its users have reported them. */
it.each([
  ['virtualbox-no-driver', 'The support driver is not installed. (VERR_VM_DRIVER_NOT_INSTALLED)'],
  ['virtualbox-no-driver', 'Driverless mode (VERR_SUP_DRIVERLESS)'],
  ['virtualbox-no-access', 'The support driver is not accessible. (VERR_VM_DRIVER_NOT_ACCESSIBLE)'],
  [
    'virtualbox-kvm-conflict',
    "VirtualBox can't operate in VMX root mode. Please disable the KVM kernel extension, recompile your kernel and reboot (VERR_VMX_IN_VMX_ROOT_MODE)",
  ],
  [
    'virtualbox-kvm-conflict',
    "VirtualBox can't enable the AMD-V extension. Please disable the KVM kernel extension, recompile your kernel and reboot (VERR_SVM_IN_USE)",
  ],
  [
    'virtualbox-kvm-conflict',
    'Host API has not enabled SVME bit in EFER MSR. (VERR_SVM_HOST_SVME_NOT_ENABLED)',
  ],
  ['virtualbox-no-virtualization', 'VT-x is not available (VERR_VMX_NO_VMX)'],
  ['virtualbox-no-virtualization', 'AMD-V is disabled in the BIOS (VERR_SVM_DISABLED)'],
  ['memory-insufficient', 'Failed to allocate memory (VERR_NO_MEMORY)'],
])('is %s: %s', (code, line) => {
  expect(explain([line, 'Details: code NS_ERROR_FAILURE (0x80004005)'])).toMatchObject({
    code,
    details: [line, 'Details: code NS_ERROR_FAILURE (0x80004005)'],
  });
});

it('gives the advice that suits the version', () => {
  const rootMode = ['(VERR_VMX_IN_VMX_ROOT_MODE)'];
  expect(explain(rootMode, '7.2.8r1')).toMatchObject({
    hint: expect.stringContaining('kvm.enable_virt_at_load=0'),
  });
  expect(explain(rootMode, '7.2.10r1')).not.toMatchObject({
    hint: expect.stringContaining('kvm.enable_virt_at_load=0'),
  });
});

it('is VBoxManage’s own when it is not known', () => {
  expect(explain(['Something new'])).toMatchObject({ code: 'vboxmanage-failed' });
});
