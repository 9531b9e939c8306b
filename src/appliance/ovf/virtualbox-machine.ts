/**
 * The machine in VirtualBox's own words. Its importer takes EFI from here only, and then takes everything
 * from here: processors, memory, controller and network are said once more.
 */
import type { Manifest } from '../../manifest/schema.ts';
import type { XmlElement } from './descriptor.ts';

/** How much is said in these words. */
export interface VirtualBoxWords {
  /** Of the settings. */
  readonly version: string;
  /** Where the disk is attached. */
  readonly controller: XmlElement;
  /** VirtualBox's name of the network card. */
  readonly adapterType: string;
  readonly display: XmlElement;
  /** Elements of the hardware beside those that all have. */
  readonly more: XmlElement;
}

/** The same as the OVF says. 1.12 is what every VirtualBox since 4.0 reads. */
export const FOR_BOTH: VirtualBoxWords = {
  version: '1.12-linux',
  controller: {
    '@name': 'SCSI Controller',
    '@type': 'LsiLogic',
    '@PortCount': '16',
    '@useHostIOCache': 'false',
    '@Bootable': 'true',
  },
  adapterType: '82540EM',
  display: { '@VRAMSize': '16', '@monitorCount': '1' },
  more: {},
};

/**
 * What VirtualBox gives a new Linux machine itself, without sound and USB. 1.16 is what VirtualBox writes
 * since 5.1; the graphics are those of 6.0 and later.
 */
export const VIRTUALBOX_ALONE: VirtualBoxWords = {
  version: '1.16-linux',
  controller: {
    '@name': 'SATA Controller',
    '@type': 'AHCI',
    '@PortCount': '1',
    '@useHostIOCache': 'false',
    '@Bootable': 'true',
    '@IDE0MasterEmulationPort': '0',
    '@IDE0SlaveEmulationPort': '1',
    '@IDE1MasterEmulationPort': '2',
    '@IDE1SlaveEmulationPort': '3',
  },
  adapterType: 'virtio',
  display: { '@controller': 'VMSVGA', '@VRAMSize': '16', '@monitorCount': '1' },
  more: {
    Paravirt: { '@provider': 'Default' },
    AudioAdapter: { '@controller': 'AC97', '@driver': 'Null', '@enabled': 'false' },
    USB: { Controllers: {} },
  },
};

export function virtualBoxMachine(
  { name, machine, properties }: Manifest,
  uuids: { readonly machine: string; readonly disk: string },
  words: VirtualBoxWords,
): XmlElement {
  return {
    '@ovf:required': 'false',
    '@version': words.version,
    '@uuid': `{${uuids.machine}}`,
    '@name': name,
    '@OSType': 'Debian_64',
    '@snapshotFolder': 'Snapshots',
    'ovf:Info': 'The machine as VirtualBox describes it',
    Hardware: {
      '@version': '2',
      CPU: {
        '@count': String(machine.cpus),
        '@hotplug': 'false',
        HardwareVirtEx: { '@enabled': 'true' },
        HardwareVirtExNestedPaging: { '@enabled': 'true' },
        PAE: { '@enabled': 'true' },
      },
      Memory: { '@RAMSize': String(Math.ceil(machine.memory / 2 ** 20)) },
      Firmware: { '@type': machine.firmware === 'uefi' ? 'EFI' : 'BIOS' },
      Boot: { Order: { '@position': '1', '@device': 'HardDisk' } },
      Display: words.display,
      BIOS: { ACPI: { '@enabled': 'true' }, IOAPIC: { '@enabled': 'true' } },
      Network: {
        Adapter:
          machine.network === 'nat'
            ? {
                '@slot': '0',
                '@enabled': 'true',
                // Replaced on import.
                '@MACAddress': '080027000001',
                '@cable': 'true',
                '@type': words.adapterType,
                NAT: {},
              }
            : { '@slot': '0', '@enabled': 'false', '@type': words.adapterType },
      },
      RTC: { '@localOrUTC': 'UTC' },
      ...words.more,
    },
    StorageControllers: {
      StorageController: [
        {
          ...words.controller,
          AttachedDevice: {
            '@type': 'HardDisk',
            '@port': '0',
            '@device': '0',
            Image: { '@uuid': `{${uuids.disk}}` },
          },
        },
        ...(properties === undefined ? [] : [discDrive]),
      ],
    },
  };
}

/** For the disc with the properties. */
const discDrive: XmlElement = {
  // As VirtualBox calls the one that it makes of the OVF's.
  '@name': 'IDE',
  '@type': 'PIIX4',
  '@PortCount': '2',
  '@useHostIOCache': 'true',
  '@Bootable': 'true',
  AttachedDevice: { '@passthrough': 'false', '@type': 'DVD', '@port': '0', '@device': '0' },
};
