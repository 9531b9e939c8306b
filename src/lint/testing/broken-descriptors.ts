/** An OVA for each rule of the descriptor. */
import { fake } from '../../appliance/testing/fake-vmdk.ts';
import { type BrokenFile, DISK, OVF, partsWith, withDescriptor } from './small-appliance.ts';

const uefi = partsWith(fake(), { machine: { firmware: 'uefi' } });
const at = (line: number, column: number) => ({ member: OVF, line, column });
const edit = (from: string | RegExp, to: string) => () =>
  withDescriptor((text) => text.replace(from, to));
const editUefi = (from: string | RegExp, to: string) => () =>
  withDescriptor((text) => text.replace(from, to), uefi);
const unusable = (what: string) => `the descriptor (.ovf) ${what}`;

export const BROKEN_DESCRIPTORS: readonly BrokenFile[] = [
  {
    rule: 'descriptor-not-xml',
    bytes: edit('</VirtualSystem>', ''),
    place: { member: OVF, line: 81, column: 12 },
    message: unusable('is not valid'),
  },
  {
    rule: 'descriptor-not-xml',
    how: 'a prefix that is not declared',
    bytes: edit('xmlns:vmw="http://www.vmware.com/schema/ovf"', ''),
    place: { member: OVF, line: 19 },
    message: unusable('is not valid'),
  },
  {
    rule: 'descriptor-doctype',
    bytes: edit('?>', '?>\n<!DOCTYPE Envelope [<!ENTITY x SYSTEM "file:///etc/passwd">]>'),
    place: { member: OVF, line: 3 },
    message: 'the descriptor has a document type declaration, which OVF has no use for',
  },
  {
    rule: 'envelope-version',
    bytes: edit(/envelope\/1/g, 'envelope/2'),
    place: { member: OVF, line: 2 },
    message: 'the descriptor is of OVF 2, which hardly any importer reads',
  },
  {
    rule: 'schema',
    bytes: edit('<Info>The virtual disk</Info>', ''),
    place: { member: OVF, line: 8 },
    message: unusable('is not valid'),
  },
  {
    rule: 'file-missing',
    bytes: edit('</References>', '<File ovf:href="gone.iso" ovf:id="file2"/></References>'),
    place: at(5, 3),
    message: 'the package lacks "gone.iso", which its descriptor names',
  },
  {
    rule: 'file-size',
    bytes: edit('ovf:size="71680"', 'ovf:size="67108864"'),
    place: at(4, 5),
    message: unusable(`says that "${DISK}" has 67108864 bytes, but it has 71680`),
  },
  {
    rule: 'file-compressed',
    bytes: edit('ovf:size', 'ovf:compression="gzip" ovf:size'),
    place: at(4, 5),
    message: unusable('has files that are compressed or cut into pieces, which few importers read'),
  },
  {
    rule: 'file-elsewhere',
    bytes: edit('</References>', '<File ovf:href="../x.iso" ovf:id="file2"/></References>'),
    place: at(5, 3),
    message: 'the reference "../x.iso" is no plain name',
    also: ['file-missing'],
  },
  {
    rule: 'several-machines',
    bytes: () =>
      withDescriptor((text) =>
        text.replace(
          /<VirtualSystem .*<\/VirtualSystem>/s,
          (system) =>
            `<VirtualSystemCollection ovf:id="both"><Info>two</Info>${system}\n${system.replace('"tiny"', '"tiny2"')}</VirtualSystemCollection>`,
        ),
      ),
    place: at(81, 1),
    message: 'there are 2 machines',
  },
  {
    rule: 'memory',
    bytes: edit('byte * 2^20', 'pages'),
    place: at(40, 7),
    message: unusable('counts memory in "pages"'),
  },
  {
    rule: 'processors',
    bytes: edit('>2</rasd:VirtualQuantity>', '>0</rasd:VirtualQuantity>'),
    place: at(32, 7),
    message: unusable('wants "0" processors'),
  },
  {
    rule: 'disk-reference',
    bytes: edit('/disk/vmdisk1', '/disk/vmdisk2'),
    place: at(56, 7),
    message: unusable('has no disk "ovf:/disk/vmdisk2"'),
  },
  {
    rule: 'disk-format',
    bytes: edit('vmdk.html#streamOptimized', 'vmdk.html#'),
    place: at(8, 5),
    message: unusable(
      'has a disk of the format "http://www.vmware.com/interfaces/specifications/vmdk.html#"; importers take streamOptimized VMDK',
    ),
  },
  {
    rule: 'disk-capacity',
    bytes: edit('ovf:capacity="67108864"', 'ovf:capacity="0"'),
    place: at(8, 5),
    message: unusable('has a disk of the size "0"'),
  },
  {
    rule: 'system-type-virtualbox',
    bytes: edit('vmx-14', 'virtualbox-2.2'),
    place: at(30, 9),
    message: 'the hardware family is "virtualbox-2.2"',
  },
  {
    rule: 'system-type-new',
    bytes: edit('vmx-14', 'vmx-20'),
    place: at(30, 9),
    message: 'the hardware family is vmx-20',
  },
  {
    rule: 'item-unknown',
    bytes: edit(
      '</VirtualHardwareSection>',
      '<Item><rasd:ElementName>nvram</rasd:ElementName><rasd:InstanceID>9</rasd:InstanceID><rasd:ResourceType>32768</rasd:ResourceType></Item></VirtualHardwareSection>',
    ),
    place: at(74, 5),
    message: '"nvram" is of the resource type "32768", and required',
  },
  {
    rule: 'vendor-required',
    bytes: edit('<vbox:OSType ovf:required="false">', '<vbox:OSType>'),
    place: at(22, 7),
    message: '"OSType" of "http://www.virtualbox.org/ovf/machine" is required',
  },
  {
    rule: 'network-unknown',
    bytes: edit('<rasd:Connection>NAT', '<rasd:Connection>VM Network'),
    place: at(67, 9),
    message: 'there is no network "VM Network"',
  },
  {
    rule: 'hardware-ids',
    how: 'a number twice',
    bytes: edit('<rasd:InstanceID>5<', '<rasd:InstanceID>4<'),
    place: at(64, 7),
    message: 'the InstanceID "4" was given before',
  },
  {
    rule: 'hardware-ids',
    how: 'a parent that is not there',
    bytes: edit('<rasd:Parent>3<', '<rasd:Parent>8<'),
    place: at(56, 7),
    message: 'the Parent "8" is no other Item',
  },
  {
    rule: 'firmware-for-vmware-only',
    bytes: editUefi(/<vbox:Machine .*<\/vbox:Machine>/s, ''),
    place: at(74, 7),
    message: 'no vbox:Machine says it too',
  },
  {
    rule: 'machine-disk-unknown',
    bytes: editUefi(/vbox:uuid="[^"]*"/, 'vbox:uuid="00000000-0000-4000-8000-000000000000"'),
    place: at(109, 13),
    message: 'no Disk has the vbox:uuid "{9c10b98e-2f61-8a13-b420-6393e92ab5fc}"',
  },
  {
    rule: 'path-of-builder',
    bytes: editUefi('<BIOS>', '<BIOS><NVRAM path="/home/me/VMs/tiny.nvram"/>'),
    place: at(95, 15),
    message: 'the path is "/home/me/VMs/tiny.nvram"',
  },
  {
    rule: 'units-old',
    bytes: edit('byte * 2^20', 'MegaBytes'),
    place: at(41, 9),
    message: 'the unit is "MegaBytes"',
  },
];
