/**
 * Changes what a descriptor says of its files, their names and sizes, and nothing else: the text around it stays as
 * it is, to the letter.
 */

import type { MemberFacts } from '../appliance/ova/ustar.ts';
import { NAMESPACES } from '../appliance/ovf/namespaces.ts';
import { startTagOf } from '../appliance/ovf/places.ts';
import type { Descriptor } from '../appliance/ovf/schema.ts';
import { plainNameOf } from './plain-name.ts';

interface FileTag {
  readonly href: string;
  readonly start: number;
  readonly end: number;
}

export interface DescriptorEditor {
  /** The names of the files, in the order of the references. */
  readonly references: readonly string[];
  /** The text for files of these plain names and sizes. */
  readonly edited: (files: readonly MemberFacts[]) => string;
}

export function descriptorEditor({ document, text }: Descriptor): DescriptorEditor {
  const nodes = document.find('/ovf:Envelope/ovf:References/ovf:File', NAMESPACES);
  const references: string[] = [];
  const tags: FileTag[] = [];
  for (const node of nodes) {
    const href = node.get('@ovf:href', NAMESPACES)?.content ?? '';
    references.push(href);
    const tag = startTagOf(text, node);
    if (tag) tags.push({ href, ...tag });
  }
  const edited = (files: readonly MemberFacts[]) => {
    let result = text;
    // From the end, so that the places before it stay true.
    for (const { href, start, end } of tags.toReversed()) {
      const file = files.find(({ name }) => name === plainNameOf(href));
      if (!file) continue;
      const tag = withAttributes(text.slice(start, end), {
        href: file.name,
        size: String(file.sizeBytes),
      });
      result = result.slice(0, start) + tag + result.slice(end);
    }
    return result;
  };
  return { references, edited };
}

/** Only attributes that are there. Of a File, no vendor is known to have attributes of these names. */
function withAttributes(tag: string, values: Readonly<Record<string, string>>): string {
  return tag.replaceAll(
    /(\s(?:[\w.-]+:)?)(href|size)(\s*=\s*)("[^"]*"|'[^']*')/g,
    (whole, before: string, name: string, equals: string) => {
      const value = values[name];
      return value === undefined ? whole : `${before}${name}${equals}"${escaped(value)}"`;
    },
  );
}

function escaped(value: string): string {
  return value.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
