/** The properties that a descriptor of anybody's asks for, and what their values can be (DSP0243, 9.5). */
import type { XmlNode } from 'libxml2-wasm';
import { NAMESPACES } from './namespaces.ts';
import { textOf } from './text-of.ts';

export interface PropertyFacts {
  /** As the guest gets it: the section's class and instance are part of it. */
  readonly key: string;
  /** `string`, `boolean`, `int` and their like, as it is written. */
  readonly type: string;
  readonly label: string | undefined;
  /** Empty when there is none. */
  readonly default: string;
  readonly isPassword: boolean;
  /** Whether whoever imports it may say the value. */
  readonly isConfigurable: boolean;
  readonly limits: PropertyLimits;
}

export interface PropertyLimits {
  readonly minLength?: number | undefined;
  readonly maxLength?: number | undefined;
  readonly min?: number | undefined;
  readonly max?: number | undefined;
  readonly choices?: readonly string[] | undefined;
}

export function propertyFacts(system: XmlNode): readonly PropertyFacts[] {
  const sections = system.find('ovf:ProductSection', NAMESPACES);
  return sections.flatMap((section) =>
    section.find('ovf:Property', NAMESPACES).map((node) => factsOf(section, node)),
  );
}

function factsOf(section: XmlNode, node: XmlNode): PropertyFacts {
  const parts = [
    textOf(section, '@ovf:class'),
    textOf(node, '@ovf:key') ?? '',
    textOf(section, '@ovf:instance'),
  ];
  return {
    key: parts.filter((part) => part !== undefined).join('.'),
    type: textOf(node, '@ovf:type') ?? 'string',
    label: textOf(node, 'ovf:Label'),
    default: node.get('@ovf:value', NAMESPACES)?.content ?? '',
    isPassword: isTrue(textOf(node, '@ovf:password')),
    isConfigurable: isTrue(textOf(node, '@ovf:userConfigurable')),
    limits: limitsOf(textOf(node, '@ovf:qualifiers') ?? ''),
  };
}

function isTrue(text: string | undefined): boolean {
  return text === 'true' || text === '1';
}

/** `MinLen(1),MaxLen(8)`, `MinValue(1) MaxValue(9)` or `ValueMap{"a","b"}`; others say nothing to us. */
function limitsOf(qualifiers: string): PropertyLimits {
  const number = (name: string): number | undefined => {
    const text = new RegExp(`\\b${name}\\(\\s*(-?\\d{1,15})\\s*\\)`, 'i').exec(qualifiers)?.[1];
    return text === undefined ? undefined : Number(text);
  };
  const map = /\bValueMap\s*\{([^}]*)\}/i.exec(qualifiers)?.[1];
  return {
    minLength: number('MinLen'),
    maxLength: number('MaxLen'),
    min: number('MinValue'),
    max: number('MaxValue'),
    choices:
      map === undefined ? undefined : [...map.matchAll(/"([^"]*)"/g)].map(([, one = '']) => one),
  };
}
