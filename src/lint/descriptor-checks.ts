/** What the rules of the descriptor look for. XPath finds the elements, each with its place in the text. */
import type { XmlNode } from 'libxml2-wasm';
import { quoted } from '../appliance/broken.ts';
import { isEfi, textOf, virtualSystems } from '../appliance/ovf/facts.ts';
import { NAMESPACES } from '../appliance/ovf/namespaces.ts';
import { placeOf } from '../appliance/ovf/places.ts';
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

  severalMachines: (subject: DescriptorSubject) => {
    const [, second, ...more] = virtualSystems(subject.descriptor);
    if (!second) return [];
    const message = `there are ${more.length + 2} machines`;
    return [complaint(subject, second, message)];
  },

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

  unknownNetworks: (subject: DescriptorSubject) => {
    const { document } = subject.descriptor;
    const names = document
      .find('//ovf:NetworkSection/ovf:Network/@ovf:name', NAMESPACES)
      .map((name) => name.content);
    const cards = document.find(
      `${ITEMS}[normalize-space(rasd:ResourceType)='${ETHERNET}']/rasd:Connection`,
      NAMESPACES,
    );
    return cards
      .filter(({ content }) => !names.includes(content.trim()))
      .map((card) => {
        const message = `there is no network ${quoted(card.content.trim())}`;
        return complaint(subject, card, message);
      });
  },

  hardwareIds,

  firmwareForVmwareOnly: (subject: DescriptorSubject) =>
    virtualSystems(subject.descriptor)
      .filter((system) => isEfi(system) && system.get('vbox:Machine', NAMESPACES) === null)
      .map((system) => {
        const config = `ovf:VirtualHardwareSection/vmw:Config[@vmw:key='firmware']`;
        const place = system.get(config, NAMESPACES) ?? system;
        return complaint(subject, place, 'no vbox:Machine says it too');
      }),

  unknownMachineDisks: (subject: DescriptorSubject) => {
    const { document } = subject.descriptor;
    const known = document
      .find('//ovf:DiskSection/ovf:Disk/@vbox:uuid', NAMESPACES)
      .map(({ content }) => plainUuid(content));
    // An attachment that is no disk has an image that the host provides.
    const attached = `//vbox:Machine//*[local-name()='AttachedDevice'][@type='HardDisk']/*[local-name()='Image']`;
    return document
      .find(attached, NAMESPACES)
      .filter((image) => !known.includes(plainUuid(textOf(image, '@uuid') ?? '')))
      .map((image) => {
        const uuid = quoted(textOf(image, '@uuid') ?? '');
        return complaint(subject, image, `no Disk has the vbox:uuid ${uuid}`);
      });
  },

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
  return (subject) =>
    subject.descriptor.document.find(path, NAMESPACES).flatMap((element) => {
      const message = wrong(element);
      return message === undefined ? [] : [complaint(subject, element, message)];
    });
}

function* hardwareIds(subject: DescriptorSubject): Generator<Complaint> {
  for (const system of virtualSystems(subject.descriptor)) {
    const items = system.find('ovf:VirtualHardwareSection/ovf:Item', NAMESPACES);
    const ids = items.map((item) => textOf(item, 'rasd:InstanceID') ?? '');
    for (const [index, item] of items.entries()) {
      const id = ids[index] ?? '';
      const parent = textOf(item, 'rasd:Parent');
      if (ids.indexOf(id) < index) {
        yield complaint(subject, item, `the InstanceID ${quoted(id)} was given before`);
      }
      if (parent !== undefined && (parent === id || !ids.includes(parent))) {
        yield complaint(subject, item, `the Parent ${quoted(parent)} is no other Item`);
      }
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
