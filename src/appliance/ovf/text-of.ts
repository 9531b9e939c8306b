/** What stands in an element or attribute of a descriptor. */
import type { XmlNode } from 'libxml2-wasm';
import { NAMESPACES } from './namespaces.ts';

/** Without blanks around it; undefined when there is nothing else. */
export function textOf(node: XmlNode, path: string): string | undefined {
  const content = node.get(path, NAMESPACES)?.content.trim();
  return content === '' ? undefined : content;
}
