/**
 * What a descriptor says of properties: each with its type and limits in the product's section, the ways on
 * which values come into the guest, and the drive that the disc with them needs.
 */
import { type DeclaredProperty, declaredProperties } from '../../manifest/declared-properties.ts';
import type { Manifest } from '../../manifest/schema.ts';
import type { XmlElement } from './descriptor.ts';

/**
 * The attribute of the hardware's section, without which no importer hands values on: a disc with
 * ovf-env.xml, or VMware's guestinfo. Undefined without properties.
 */
export function transport(manifest: Manifest, forVmware: boolean): string | undefined {
  if (manifest.properties === undefined) return undefined;
  return forVmware ? 'iso com.vmware.guestInfo' : 'iso';
}

/** Categories and properties, as mixed content of the product's section; undefined without any. */
export function propertyElements(manifest: Manifest): readonly XmlElement[] | undefined {
  const declared = declaredProperties(manifest);
  if (declared.length === 0) return undefined;
  const categories = [...new Set(declared.map(({ category }) => category))];
  return categories.flatMap((category) => [
    { Category: category },
    ...declared
      .filter((one) => one.category === category)
      .map((one) => ({ Property: propertyElement(one) })),
  ]);
}

function propertyElement(one: DeclaredProperty): XmlElement {
  const limits = qualifiers(one);
  const isPassword = one.kind === 'password' || one.kind === 'own-password';
  return {
    '@ovf:key': one.key,
    '@ovf:type': one.kind === 'int' || one.kind === 'boolean' ? one.kind : 'string',
    '@ovf:qualifiers': limits.length === 0 ? undefined : limits.join(','),
    '@ovf:userConfigurable': 'true',
    // VMware's boolean is written large.
    '@ovf:value': one.kind === 'boolean' ? booleanText(one.default) : (one.default ?? ''),
    '@ovf:password': isPassword ? 'true' : undefined,
    Label: one.label,
    Description: one.description === '' ? undefined : one.description,
  };
}

function booleanText(value: string | undefined): string {
  return value === 'true' ? 'True' : 'False';
}

/** DSP0004's, as vSphere reads them. A text that is required has at least one character. */
function qualifiers({ kind, min, max, choices, required }: DeclaredProperty): readonly string[] {
  if (choices) return [`ValueMap{${choices.map((one) => `"${one}"`).join(',')}}`];
  if (kind === 'boolean') return [];
  if (kind === 'int') {
    return [
      ...(min === undefined ? [] : [`MinValue(${min})`]),
      ...(max === undefined ? [] : [`MaxValue(${max})`]),
    ];
  }
  const fewest = required ? Math.max(1, min ?? 1) : undefined;
  return [
    ...(fewest === undefined ? [] : [`MinLen(${fewest})`]),
    ...(max === undefined ? [] : [`MaxLen(${max})`]),
  ];
}

/** The instance of the controller, behind those of the machine itself. */
const IDE = '6';

/** A CD-ROM drive at an IDE controller of its own: vSphere puts the disc with the values into it. */
export function discDrive(manifest: Manifest): readonly XmlElement[] {
  if (manifest.properties === undefined) return [];
  return [
    {
      'rasd:Address': '0',
      'rasd:Description': 'IDE controller',
      'rasd:ElementName': 'IDE 0',
      'rasd:InstanceID': IDE,
      'rasd:ResourceType': '5',
    },
    {
      '@ovf:required': 'false',
      'rasd:AddressOnParent': '0',
      'rasd:AutomaticAllocation': 'false',
      'rasd:Description': 'For the disc with the properties',
      'rasd:ElementName': 'CD/DVD drive 1',
      'rasd:InstanceID': '7',
      'rasd:Parent': IDE,
      'rasd:ResourceType': '15',
    },
  ];
}
