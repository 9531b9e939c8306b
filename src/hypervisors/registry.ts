/** The one place that knows all hypervisors by name; everybody else gets one and asks it what it can do. */
import type { Hypervisor } from './hypervisor.ts';
import { qemuHypervisor } from './qemu/hypervisor.ts';
import { virtualBoxHypervisor } from './virtualbox/hypervisor.ts';

/** The first is the one that nobody has to ask for. */
export const HYPERVISOR_NAMES = ['qemu', 'virtualbox'] as const;
export type HypervisorName = (typeof HYPERVISOR_NAMES)[number];
export const USUAL_HYPERVISOR: HypervisorName = HYPERVISOR_NAMES[0];

const MAKERS: Readonly<Record<HypervisorName, () => Hypervisor>> = {
  qemu: qemuHypervisor,
  virtualbox: virtualBoxHypervisor,
};

/** Looks at nothing yet: whether it is installed is found out when it is asked. */
export function hypervisorNamed(name: HypervisorName): Hypervisor {
  return MAKERS[name]();
}
