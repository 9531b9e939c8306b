/**
 * The machine in VirtualBox's own words. Its importer takes EFI from here only, and then takes everything
 * from here: processors, memory, controller and network are said once more. The settings are of version
 * 1.12, which every VirtualBox since 4.0 reads.
 */
import type { Manifest } from '../../manifest/schema.ts';
import type { XmlElement } from './descriptor.ts';

export function virtualBoxMachine(
  { name, machine }: Manifest,
  uuids: { readonly machine: string; readonly disk: string },
): XmlElement {
  return {
    '@ovf:required': 'false',
    '@version': '1.12-linux',
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
      Firmware: { '@type': 'EFI' },
      Boot: { Order: { '@position': '1', '@device': 'HardDisk' } },
      Display: { '@VRAMSize': '16', '@monitorCount': '1' },
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
                '@type': '82540EM',
                NAT: {},
              }
            : { '@slot': '0', '@enabled': 'false', '@type': '82540EM' },
      },
      RTC: { '@localOrUTC': 'UTC' },
    },
    StorageControllers: {
      StorageController: {
        '@name': 'SCSI Controller',
        '@type': 'LsiLogic',
        '@PortCount': '16',
        '@useHostIOCache': 'false',
        '@Bootable': 'true',
        AttachedDevice: {
          '@type': 'HardDisk',
          '@port': '0',
          '@device': '0',
          Image: { '@uuid': `{${uuids.disk}}` },
        },
      },
    },
  };
}
