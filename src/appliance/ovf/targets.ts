/**
 * For whom a descriptor is written. The default, `any`, keeps to what VirtualBox and VMware have in common;
 * the other two are for one of them alone, and use its faster devices and its own words.
 */
export type OvfTarget = 'any' | 'vmware' | 'virtualbox';

export interface TargetHardware {
  /** Whose own words stand beside those of the standard. */
  readonly speaksTo: readonly ('vmware' | 'virtualbox')[];
  readonly controller: {
    /** CIM's number: 6 for SCSI, 20 for others. */
    readonly resourceType: string;
    readonly subType: string;
    readonly name: string;
    readonly description: string;
  };
  readonly adapter: { readonly subType: string; readonly description: string };
  /** What the card is connected to: importers ask which of their networks is meant, or take one of this name. */
  readonly network: { readonly name: string; readonly description: string };
}

const LSI_LOGIC = {
  resourceType: '6',
  subType: 'lsilogic',
  name: 'SCSI controller 0',
  description: 'SCSI controller',
};
const NAT = { name: 'NAT', description: 'Translates addresses, as a router does' };

export const TARGETS: Readonly<Record<OvfTarget, TargetHardware>> = {
  any: {
    speaksTo: ['vmware', 'virtualbox'],
    controller: LSI_LOGIC,
    adapter: { subType: 'E1000', description: 'E1000 ethernet adapter' },
    network: NAT,
  },
  // The paravirtual devices, which Debian's kernel has drivers for. ESXi's first network is called so.
  vmware: {
    speaksTo: ['vmware'],
    controller: { ...LSI_LOGIC, subType: 'VirtualSCSI' },
    adapter: { subType: 'VmxNet3', description: 'VmxNet3 ethernet adapter' },
    network: { name: 'VM Network', description: 'The network that the machine is connected to' },
  },
  // What VirtualBox gives a new Linux machine itself; the card is a virtio one in its own words only,
  // since its reader of OVF items knows none.
  virtualbox: {
    speaksTo: ['virtualbox'],
    controller: {
      resourceType: '20',
      subType: 'AHCI',
      name: 'SATA controller 0',
      description: 'SATA controller',
    },
    adapter: { subType: 'E1000', description: 'E1000 ethernet adapter' },
    network: NAT,
  },
};
