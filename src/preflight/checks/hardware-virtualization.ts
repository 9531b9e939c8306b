/** Whether guests run on the processor itself, and what would make it so. */
import {
  type Acceleration,
  type AccelerationProbe,
  probeAcceleration,
} from '../../hypervisors/qemu/acceleration.ts';
import { textOf } from '../facts.ts';
import { absent, type Check, type Cure, type Finding, ok, warning } from '../finding.ts';
import { findProgram, whoRunsUs } from '../who.ts';

const PROGRAM = 'qemu-system-x86_64';

export function hardwareVirtualization(probe: Partial<AccelerationProbe> = {}): Check {
  return {
    name: 'KVM',
    ifItHangs: 'warning',
    look: async (signal) => {
      const program = probe.program ?? PROGRAM;
      if ((await findProgram(program)) === undefined)
        return [absent(`cannot be tried without ${program}`)];
      return [await describe(await probeAcceleration({ ...probe, program, signal }), probe)];
    },
  };
}

async function describe(found: Acceleration, probe: Partial<AccelerationProbe>): Promise<Finding> {
  if (found.available) return ok(found.why);
  const slow = 'guests run in software emulation, some fifteen times slower';
  return warning(`${found.why}: ${slow}`, await cureOf(found, probe));
}

async function cureOf(
  { obstacle }: Acceleration,
  { cpuInfoPath = '/proc/cpuinfo' }: Partial<AccelerationProbe>,
): Promise<Cure | undefined> {
  const { name, asRoot } = await whoRunsUs();
  switch (obstacle) {
    case 'processor':
      return {
        advice:
          'Switch virtualization (VT-x, AMD-V, SVM) on in the firmware setup; in a virtual machine, let its ' +
          'hypervisor offer nested virtualization.',
      };
    case 'device-missing': {
      const isIntel = /^flags\s*:.*\bvmx\b/m.test((await textOf(cpuInfoPath)) ?? '');
      return {
        advice: 'If modprobe is refused, virtualization is switched off in the firmware setup.',
        commands: [asRoot(`modprobe ${isIntel ? 'kvm_intel' : 'kvm_amd'}`)],
      };
    }
    case 'device-closed':
      return {
        advice: 'Then log out and in again.',
        commands: [asRoot(`usermod -aG kvm ${name}`)],
      };
    case 'trial':
    case undefined:
      return undefined;
  }
}
