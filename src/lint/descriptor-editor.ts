/**
 * Changes what a descriptor says of its files, their names and sizes, and how it writes units, and nothing
 * else: the text around it stays as it is, to the letter.
 */

import type { XmlNode } from 'libxml2-wasm';
import type { MemberFacts } from '../appliance/ova/ustar.ts';
import { NAMESPACES } from '../appliance/ovf/namespaces.ts';
import { startTagOf } from '../appliance/ovf/places.ts';
import type { Descriptor } from '../appliance/ovf/schema.ts';
import { plainNameOf } from './plain-name.ts';

/** A piece of the text, and what takes its place. */
interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: (files: readonly MemberFacts[]) => string | undefined;
}

export interface DescriptorEditor {
  /** The names of the files, in the order of the references. */
  readonly references: readonly string[];
  /** The text for files of these plain names and sizes. */
  readonly edited: (files: readonly MemberFacts[]) => string;
}

export function descriptorEditor(descriptor: Descriptor): DescriptorEditor {
  const { document, text } = descriptor;
  const nodes = document.find('/ovf:Envelope/ovf:References/ovf:File', NAMESPACES);
  const references = nodes.map((node) => node.get('@ovf:href', NAMESPACES)?.content ?? '');
  const edits = [...fileEdits(descriptor, nodes, references), ...unitEdits(descriptor)];
  edits.sort((one, other) => other.start - one.start);
  const edited = (files: readonly MemberFacts[]) => {
    let result = text;
    // From the end, so that the places before it stay true.
    for (const { start, end, text: replaced } of edits) {
      const piece = replaced(files);
      if (piece !== undefined) result = result.slice(0, start) + piece + result.slice(end);
    }
    return result;
  };
  return { references, edited };
}

function fileEdits(
  descriptor: Descriptor,
  nodes: readonly XmlNode[],
  references: readonly string[],
) {
  const { text } = descriptor;
  return nodes.flatMap((node, index): Edit[] => {
    const tag = startTagOf(descriptor, node);
    if (!tag) return [];
    const name = plainNameOf(references[index] ?? '');
    const replaced = (files: readonly MemberFacts[]) => {
      const file = files.find((one) => one.name === name);
      const values = { href: name, size: String(file?.sizeBytes) };
      return file && withAttributes(text.slice(tag.start, tag.end), values);
    };
    return [{ ...tag, text: replaced }];
  });
}

const OLD_UNITS: Readonly<Record<string, string>> = {
  kilobytes: 'byte * 2^10',
  megabytes: 'byte * 2^20',
  gigabytes: 'byte * 2^30',
};

/** The same unit, written as OVF 1.1 does. */
function unitEdits(descriptor: Descriptor): readonly Edit[] {
  const { document, text } = descriptor;
  return document.find('//ovf:Item/rasd:AllocationUnits', NAMESPACES).flatMap((node): Edit[] => {
    const unit = OLD_UNITS[node.content.trim().toLowerCase()];
    const tag = startTagOf(descriptor, node);
    const end = tag && text.indexOf('<', tag.end);
    return unit === undefined || !tag || end === undefined
      ? []
      : [{ start: tag.end, end, text: () => unit }];
  });
}

/** Only attributes that are there. Of a File, no vendor is known to have attributes of these names. */
function withAttributes(tag: string, values: Readonly<Record<string, string>>): string {
  return tag.replaceAll(
    /(?<=\s(?:[\w.-]+:)?)(href|size)(\s*=\s*)(?:"[^"]*"|'[^']*')/g,
    (_, name: string, equals: string) => `${name}${equals}"${escaped(values[name] ?? '')}"`,
  );
}

function escaped(value: string): string {
  return value.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
