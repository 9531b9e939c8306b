/**
 * The OVF descriptor (DSP0243 1.1): one virtual machine in words that VirtualBox, vSphere, Workstation and
 * Proxmox all import. What is not common to them says `ovf:required="false"`. No OVF 2 elements.
 */
import { create } from 'xmlbuilder2';
import type { Manifest } from '../../manifest/schema.ts';
import { counted } from '../../system/counted.ts';
import { derivedUuid } from '../../system/identity.ts';
import { NAMESPACES, STREAM_OPTIMIZED } from './namespaces.ts';
import { discDrive, propertyElements, transport } from './properties.ts';
import { type OvfTarget, TARGETS, type TargetHardware } from './targets.ts';
import { FOR_BOTH, VIRTUALBOX_ALONE, virtualBoxMachine } from './virtualbox-machine.ts';

const MIB = 2 ** 20;

/** The disk as the package holds it. */
export interface PackagedDisk {
  readonly fileName: string;
  /** Of the file. */
  readonly sizeBytes: number;
  /** What the machine sees. */
  readonly capacityBytes: number;
  /** How much of that is stored in the file. */
  readonly populatedBytes: number;
}

/** An element: its attributes (`@name`), its text (`#`) and its children, in order. */
export interface XmlElement {
  readonly [name: string]: string | XmlElement | readonly XmlElement[] | undefined;
}

/** The descriptor's text, the same for the same input. */
export function ovfDescriptor(
  manifest: Manifest,
  disk: PackagedDisk,
  target: OvfTarget = 'any',
): string {
  const hardware = TARGETS[target];
  const namespaces = Object.entries(NAMESPACES).filter(([prefix]) => isSpoken(hardware, prefix));
  const uuids = {
    machine: derivedUuid('machine', manifest.name, manifest.version),
    disk: derivedUuid('disk', manifest.name, manifest.version),
  };
  const envelope: XmlElement = {
    '@xmlns': NAMESPACES.ovf,
    ...Object.fromEntries(namespaces.map(([prefix, name]) => [`@xmlns:${prefix}`, name])),
    References: {
      File: {
        '@ovf:href': disk.fileName,
        '@ovf:id': 'file1',
        '@ovf:size': String(disk.sizeBytes),
      },
    },
    DiskSection: {
      Info: 'The virtual disk',
      Disk: {
        '@ovf:capacity': String(disk.capacityBytes),
        '@ovf:diskId': 'vmdisk1',
        '@ovf:fileRef': 'file1',
        '@ovf:format': STREAM_OPTIMIZED,
        '@ovf:populatedSize': String(disk.populatedBytes),
        '@vbox:uuid': speaksTo(hardware, 'virtualbox') ? uuids.disk : undefined,
      },
    },
    NetworkSection: hasNetwork(manifest)
      ? {
          Info: 'The networks',
          Network: {
            '@ovf:name': hardware.network.name,
            Description: hardware.network.description,
          },
        }
      : undefined,
    VirtualSystem: virtualSystem({ manifest, uuids, target, hardware }),
  };
  return create({ version: '1.0', encoding: 'UTF-8', invalidCharReplacement: '\ufffd' })
    .ele(dropUndefined({ Envelope: envelope }))
    .end({ prettyPrint: true })
    .concat('\n');
}

interface SystemFacts {
  readonly manifest: Manifest;
  readonly uuids: { readonly machine: string; readonly disk: string };
  readonly target: OvfTarget;
  readonly hardware: TargetHardware;
}

function virtualSystem({ manifest, uuids, target, hardware }: SystemFacts): XmlElement {
  const { name } = manifest;
  const forVmware = speaksTo(hardware, 'vmware');
  const forVirtualBox = speaksTo(hardware, 'virtualbox');
  return {
    '@ovf:id': name,
    Info: 'A virtual machine',
    Name: name,
    OperatingSystemSection: {
      // CIM's number for Debian on 64 bits. vSphere knows a release only from its own later ones on
      // (13 from 9.0) and warns about one that it does not; `debian10` is in all that take vmx-14, and
      // chooses the same virtual devices.
      '@ovf:id': '96',
      '@vmw:osType': forVmware ? 'debian10_64Guest' : undefined,
      Info: 'The operating system',
      Description: 'Debian GNU/Linux (64-bit)',
      'vbox:OSType': forVirtualBox ? { '@ovf:required': 'false', '#': 'Debian_64' } : undefined,
    },
    VirtualHardwareSection: {
      '@ovf:transport': transport(manifest, forVmware),
      Info: 'The virtual hardware',
      System: {
        'vssd:ElementName': 'Virtual Hardware Family',
        'vssd:InstanceID': '0',
        'vssd:VirtualSystemIdentifier': name,
        'vssd:VirtualSystemType': 'vmx-14',
      },
      Item: items(manifest, hardware),
      'vmw:Config': forVmware ? vmwareConfig(manifest, target) : undefined,
    },
    ProductSection: product(manifest),
    AnnotationSection:
      manifest.description === ''
        ? undefined
        : { Info: 'What it is', Annotation: manifest.description },
    // VirtualBox takes EFI from nothing else; for BIOS its defaults are right.
    'vbox:Machine': forVirtualBox ? virtualBoxWords(manifest, uuids, target) : undefined,
  };
}

/** Where one file serves both, only what one of them would get wrong is said twice. */
function virtualBoxWords(manifest: Manifest, uuids: SystemFacts['uuids'], target: OvfTarget) {
  if (target === 'virtualbox') return virtualBoxMachine(manifest, uuids, VIRTUALBOX_ALONE);
  if (manifest.machine.firmware === 'uefi') return virtualBoxMachine(manifest, uuids, FOR_BOTH);
  return undefined;
}

function vmwareConfig({ machine }: Manifest, target: OvfTarget): readonly XmlElement[] | undefined {
  const setting = (key: string, value: string): XmlElement => ({
    '@ovf:required': 'false',
    '@vmw:key': key,
    '@vmw:value': value,
  });
  const efi = machine.firmware === 'uefi' ? [setting('firmware', 'efi')] : [];
  if (target !== 'vmware') return efi.length > 0 ? efi : undefined;
  // vSphere may turn Secure Boot on where it is not named, and our GRUB is not signed for it.
  return machine.firmware === 'uefi'
    ? [...efi, setting('bootOptions.efiSecureBootEnabled', 'false')]
    : [setting('firmware', 'bios')];
}

function speaksTo(hardware: TargetHardware, whom: 'vmware' | 'virtualbox'): boolean {
  return hardware.speaksTo.includes(whom);
}

function isSpoken(hardware: TargetHardware, prefix: string): boolean {
  if (prefix === 'vmw') return speaksTo(hardware, 'vmware');
  return prefix !== 'vbox' || speaksTo(hardware, 'virtualbox');
}

function product(manifest: Manifest): XmlElement {
  const { name, version, vendor } = manifest;
  return {
    Info: 'The product',
    Product: name,
    Vendor: vendor?.name,
    Version: version,
    // The manifest has one address; it leads to both.
    ProductUrl: vendor?.url,
    VendorUrl: vendor?.url,
    '#': propertyElements(manifest),
  };
}

/** Within an item the elements stand in the order of their names: the schema wants that. */
function items(
  manifest: Manifest,
  { controller, adapter, network }: TargetHardware,
): readonly XmlElement[] {
  const { cpus, memory } = manifest.machine;
  const memoryMib = Math.ceil(memory / MIB);
  const all: XmlElement[] = [
    {
      'rasd:AllocationUnits': 'hertz * 10^6',
      'rasd:Description': 'Number of virtual CPUs',
      'rasd:ElementName': counted(cpus, 'virtual CPU'),
      'rasd:InstanceID': '1',
      'rasd:ResourceType': '3',
      'rasd:VirtualQuantity': String(cpus),
    },
    {
      'rasd:AllocationUnits': 'byte * 2^20',
      'rasd:Description': 'Memory size',
      'rasd:ElementName': `${memoryMib} MB of memory`,
      'rasd:InstanceID': '2',
      'rasd:ResourceType': '4',
      'rasd:VirtualQuantity': String(memoryMib),
    },
    {
      'rasd:Address': '0',
      'rasd:Description': controller.description,
      'rasd:ElementName': controller.name,
      'rasd:InstanceID': '3',
      'rasd:ResourceSubType': controller.subType,
      'rasd:ResourceType': controller.resourceType,
    },
    {
      'rasd:AddressOnParent': '0',
      'rasd:ElementName': 'Hard disk 1',
      'rasd:HostResource': 'ovf:/disk/vmdisk1',
      'rasd:InstanceID': '4',
      'rasd:Parent': '3',
      'rasd:ResourceType': '17',
    },
  ];
  const drive = discDrive(manifest);
  return hasNetwork(manifest)
    ? [...all, networkAdapter(adapter, network.name), ...drive]
    : [...all, ...drive];
}

function networkAdapter(adapter: TargetHardware['adapter'], network: string): XmlElement {
  return {
    // Where vSphere puts the first one.
    'rasd:AddressOnParent': '7',
    'rasd:AutomaticAllocation': 'true',
    'rasd:Connection': network,
    'rasd:Description': `${adapter.description} on "${network}"`,
    'rasd:ElementName': 'Ethernet 1',
    'rasd:InstanceID': '5',
    'rasd:ResourceSubType': adapter.subType,
    'rasd:ResourceType': '10',
  };
}

function hasNetwork(manifest: Manifest): boolean {
  return manifest.machine.network !== 'none';
}

/** xmlbuilder2 would write an empty element for a child that is undefined. */
function dropUndefined(element: XmlElement): XmlElement {
  const kept: Record<string, XmlElement[string]> = {};
  for (const [name, value] of Object.entries(element)) {
    if (value === undefined) continue;
    if (typeof value === 'string') kept[name] = value;
    else kept[name] = isList(value) ? value.map(dropUndefined) : dropUndefined(value);
  }
  return kept;
}

function isList(value: XmlElement | readonly XmlElement[]): value is readonly XmlElement[] {
  return Array.isArray(value);
}
