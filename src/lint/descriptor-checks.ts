/** What the rules of the descriptor look for. XPath finds the elements, each with its place in the text. */
import type { XmlNode } from 'libxml2-wasm';
import { quoted } from '../appliance/broken.ts';
import { isEfi, virtualSystems } from '../appliance/ovf/facts.ts';
import { NAMESPACES } from '../appliance/ovf/namespaces.ts';
import { placeOf } from '../appliance/ovf/places.ts';
import { textOf } from '../appliance/ovf/text-of.ts';
import type { DescriptorSubject } from './descriptor-subject.ts';
import type { Complaint } from './rule.ts';

const ITEMS = '//ovf:VirtualHardwareSection/ovf:Item';
/** CIM's numbers that VirtualBox's reader has a case for. */
const KNOWN_TYPES = new Set(['3', '4', '5', '6', '10', '14', '15', '17', '20', '23', '35']);
const NEWEST_COMMON_HARDWARE = 15;
const ETHERNET = '10';
const STANDARD = [
  NAMESPACES.ovf,
  NAMESPACES.rasd,
  NAMESPACES.vssd,
  'http://schemas.dmtf.org/wbem/wscim/1/common',
];
const IS_VENDORS = STANDARD.map((name) => `namespace-uri() != '${name}'`).join(' and ');

type Check = (subject: DescriptorSubject) => Iterable<Complaint>;

export const DESCRIPTOR_CHECKS = {
  filesElsewhere: forEach('//ovf:References/ovf:File', (file) => {
    const href = textOf(file, '@ovf:href') ?? '';
    return /[/\\:]/.test(href) ? `the reference ${quoted(href)} is no plain name` : undefined;
  }),

  severalMachines,

  systemTypeUnknown: forEach('//vssd:VirtualSystemType', (type) => {
    const families = type.content.trim().split(/[\s,]+/);
    if (families.some((family) => /^vmx-\d+$/.test(family))) return undefined;
    return `the hardware family is ${quoted(type.content.trim())}`;
  }),

  systemTypeNew: forEach('//vssd:VirtualSystemType', (type) => {
    const numbers = [...type.content.matchAll(/\bvmx-(\d{1,4})\b/g)].map(([, number]) =>
      Number(number),
    );
    const oldest = Math.min(...numbers);
    const isNew = numbers.length > 0 && oldest > NEWEST_COMMON_HARDWARE;
    return isNew ? `the hardware family is vmx-${oldest}` : undefined;
  }),

  unknownItems: forEach(`${ITEMS}[not(@ovf:required='false')]`, (item) => {
    const type = textOf(item, 'rasd:ResourceType') ?? '';
    if (KNOWN_TYPES.has(type)) return undefined;
    const name = textOf(item, 'rasd:ElementName') ?? textOf(item, 'rasd:Caption') ?? '';
    return `${quoted(name)} is of the resource type ${quoted(type)}, and required`;
  }),

  // Whether it is required is for the topmost one to say.
  requiredVendorElements: forEach(
    `//*[${IS_VENDORS}][not(ancestor::*[${IS_VENDORS}])][not(@ovf:required='false')]` +
      `[not(ancestor::*[@ovf:required='false'])]`,
    (element) => {
      const name = 'name' in element ? String(element.name) : '';
      return `${quoted(name)} of ${quoted(namespaceOf(element))} is required`;
    },
  ),

  unknownNetworks,

  hardwareIds,

  firmwareForVmwareOnly,

  unknownMachineDisks,

  absolutePaths: forEach(
    `//vbox:Machine//*[@path or @location or @src or @hostPath]`,
    (element) => {
      const paths = ['@path', '@location', '@src', '@hostPath'].map((one) => textOf(element, one));
      const path = paths.find((one) => one !== undefined && /^(\/|\\\\|[A-Za-z]:\\)/.test(one));
      return path === undefined ? undefined : `the path is ${quoted(path)}`;
    },
  ),

  oldUnits: forEach(`${ITEMS}/rasd:AllocationUnits`, (unit) => {
    const text = unit.content.trim();
    return /^(kilo|mega|giga)bytes$/i.test(text) ? `the unit is ${quoted(text)}` : undefined;
  }),
} as const satisfies Readonly<Record<string, Check>>;

/** A check of each element that the path finds: what is wrong with it, or undefined. */
function forEach(path: string, wrong: (element: XmlNode) => string | undefined): Check {
  return function* (subject) {
    for (const element of subject.descriptor.document.find(path, NAMESPACES)) {
      const message = wrong(element);
      if (message !== undefined) yield complaint(subject, element, message);
    }
  };
}

function* severalMachines(subject: DescriptorSubject): Generator<Complaint> {
  const [, second, ...more] = virtualSystems(subject.descriptor);
  if (second) yield complaint(subject, second, `there are ${more.length + 2} machines`);
}

function* unknownNetworks(subject: DescriptorSubject): Generator<Complaint> {
  const { document } = subject.descriptor;
  const networks = document.find('//ovf:NetworkSection/ovf:Network/@ovf:name', NAMESPACES);
  const names = new Set(networks.map((name) => name.content));
  const card = `${ITEMS}[normalize-space(rasd:ResourceType)='${ETHERNET}']`;
  for (const connection of document.find(`${card}/rasd:Connection`, NAMESPACES)) {
    const name = connection.content.trim();
    if (!names.has(name))
      yield complaint(subject, connection, `there is no network ${quoted(name)}`);
  }
}

function* firmwareForVmwareOnly(subject: DescriptorSubject): Generator<Complaint> {
  for (const system of virtualSystems(subject.descriptor)) {
    if (!isEfi(system) || system.get('vbox:Machine', NAMESPACES) !== null) continue;
    const config = `ovf:VirtualHardwareSection/vmw:Config[@vmw:key='firmware']`;
    const place = system.get(config, NAMESPACES) ?? system;
    yield complaint(subject, place, 'no vbox:Machine says it too');
  }
}

function* unknownMachineDisks(subject: DescriptorSubject): Generator<Complaint> {
  const { document } = subject.descriptor;
  const disks = document.find('//ovf:DiskSection/ovf:Disk/@vbox:uuid', NAMESPACES);
  const known = new Set(disks.map(({ content }) => plainUuid(content)));
  // An attachment that is no disk has an image that the host provides.
  const attached = `//vbox:Machine//*[local-name()='AttachedDevice'][@type='HardDisk']/*[local-name()='Image']`;
  for (const image of document.find(attached, NAMESPACES)) {
    const uuid = textOf(image, '@uuid') ?? '';
    if (known.has(plainUuid(uuid))) continue;
    yield complaint(subject, image, `no Disk has the vbox:uuid ${quoted(uuid)}`);
  }
}

function* hardwareIds(subject: DescriptorSubject): Generator<Complaint> {
  for (const system of virtualSystems(subject.descriptor)) {
    const items = system.find('ovf:VirtualHardwareSection/ovf:Item', NAMESPACES);
    const all = new Set(items.map((item) => textOf(item, 'rasd:InstanceID') ?? ''));
    const before = new Set<string>();
    for (const item of items) {
      const id = textOf(item, 'rasd:InstanceID') ?? '';
      const parent = textOf(item, 'rasd:Parent');
      if (before.has(id)) {
        yield complaint(subject, item, `the InstanceID ${quoted(id)} was given before`);
      }
      if (parent !== undefined && (parent === id || !all.has(parent))) {
        yield complaint(subject, item, `the Parent ${quoted(parent)} is no other Item`);
      }
      before.add(id);
    }
  }
}

function complaint(subject: DescriptorSubject, node: XmlNode, message: string): Complaint {
  return { message, place: placeOf(subject.descriptor, node) };
}

function namespaceOf(node: XmlNode): string {
  const uri = node.eval('namespace-uri()');
  return typeof uri === 'string' ? uri : '';
}

/** VirtualBox writes braces in the machine, and none in the Disk. */
function plainUuid(text: string): string {
  return text.replace(/[{}]/g, '').trim().toLowerCase();
}
