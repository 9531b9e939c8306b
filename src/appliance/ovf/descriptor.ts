/**
 * The OVF descriptor (DSP0243 1.1): one virtual machine in words that VirtualBox, vSphere, Workstation and
 * Proxmox all import. What is not common to them says `ovf:required="false"`. No OVF 2 elements.
 */
import { create } from 'xmlbuilder2';
import type { Manifest } from '../../manifest/schema.ts';
import { derivedUuid } from '../../system/identity.ts';
import { NAMESPACES, STREAM_OPTIMIZED } from './namespaces.ts';
import { virtualBoxMachine } from './virtualbox-machine.ts';

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
export function ovfDescriptor(manifest: Manifest, disk: PackagedDisk): string {
  const uuids = {
    machine: derivedUuid('machine', manifest.name, manifest.version),
    disk: derivedUuid('disk', manifest.name, manifest.version),
  };
  const envelope: XmlElement = {
    '@xmlns': NAMESPACES.ovf,
    ...Object.fromEntries(
      Object.entries(NAMESPACES).map(([prefix, name]) => [`@xmlns:${prefix}`, name]),
    ),
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
        '@vbox:uuid': uuids.disk,
      },
    },
    NetworkSection: hasNetwork(manifest)
      ? { Info: 'The networks', Network: network('NAT', 'Translates addresses, as a router does') }
      : undefined,
    VirtualSystem: virtualSystem(manifest, uuids),
  };
  return create({ version: '1.0', encoding: 'UTF-8', invalidCharReplacement: '\ufffd' })
    .ele(dropUndefined({ Envelope: envelope }))
    .end({ prettyPrint: true })
    .concat('\n');
}

function network(name: string, description: string): XmlElement {
  return { '@ovf:name': name, Description: description };
}

function virtualSystem(manifest: Manifest, uuids: { machine: string; disk: string }): XmlElement {
  const { name, machine } = manifest;
  return {
    '@ovf:id': name,
    Info: 'A virtual machine',
    Name: name,
    OperatingSystemSection: {
      // CIM's number for Debian on 64 bits. vSphere knows a release only from its own later ones on
      // (13 from 9.0) and warns about one that it does not; `debian10` is in all that take vmx-14, and
      // chooses the same virtual devices.
      '@ovf:id': '96',
      '@vmw:osType': 'debian10_64Guest',
      Info: 'The operating system',
      Description: 'Debian GNU/Linux (64-bit)',
      'vbox:OSType': { '@ovf:required': 'false', '#': 'Debian_64' },
    },
    VirtualHardwareSection: {
      Info: 'The virtual hardware',
      System: {
        'vssd:ElementName': 'Virtual Hardware Family',
        'vssd:InstanceID': '0',
        'vssd:VirtualSystemIdentifier': name,
        'vssd:VirtualSystemType': 'vmx-14',
      },
      Item: items(manifest),
      'vmw:Config':
        machine.firmware === 'uefi'
          ? { '@ovf:required': 'false', '@vmw:key': 'firmware', '@vmw:value': 'efi' }
          : undefined,
    },
    ProductSection: product(manifest),
    AnnotationSection:
      manifest.description === ''
        ? undefined
        : { Info: 'What it is', Annotation: manifest.description },
    // VirtualBox takes EFI from nothing else; for BIOS its defaults are right.
    'vbox:Machine': machine.firmware === 'uefi' ? virtualBoxMachine(manifest, uuids) : undefined,
  };
}

function product({ name, version, vendor }: Manifest): XmlElement {
  return {
    Info: 'The product',
    Product: name,
    Vendor: vendor?.name,
    Version: version,
    // The manifest has one address; it leads to both.
    ProductUrl: vendor?.url,
    VendorUrl: vendor?.url,
  };
}

/** Within an item the elements stand in the order of their names: the schema wants that. */
function items(manifest: Manifest): readonly XmlElement[] {
  const { cpus, memory } = manifest.machine;
  const memoryMib = Math.ceil(memory / MIB);
  const all: XmlElement[] = [
    {
      'rasd:AllocationUnits': 'hertz * 10^6',
      'rasd:Description': 'Number of virtual CPUs',
      'rasd:ElementName': `${cpus} virtual CPU${cpus === 1 ? '' : 's'}`,
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
      'rasd:Description': 'SCSI controller',
      'rasd:ElementName': 'SCSI controller 0',
      'rasd:InstanceID': '3',
      'rasd:ResourceSubType': 'lsilogic',
      'rasd:ResourceType': '6',
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
  if (!hasNetwork(manifest)) return all;
  return [...all, networkAdapter()];
}

function networkAdapter(): XmlElement {
  return {
    // Where vSphere puts the first one.
    'rasd:AddressOnParent': '7',
    'rasd:AutomaticAllocation': 'true',
    'rasd:Connection': 'NAT',
    'rasd:Description': 'E1000 ethernet adapter on "NAT"',
    'rasd:ElementName': 'Ethernet 1',
    'rasd:InstanceID': '5',
    'rasd:ResourceSubType': 'E1000',
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
