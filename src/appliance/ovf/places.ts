/**
 * Where in its text an element of a descriptor begins. libxml2 only knows the line in which an element's
 * start tag ends; the text is known to be well-formed, so its n-th start tag is the n-th element.
 */
import type { XmlNode } from 'libxml2-wasm';
import type { Place } from '../broken.ts';
import type { Descriptor } from './schema.ts';

export interface StartTag {
  /** In characters of the text. */
  readonly start: number;
  readonly end: number;
}

/** Comments, CDATA, instructions and end tags have no group; a start tag has. */
const MARKUP =
  /<!--[\s\S]*?-->|<!\[CDATA\[[\s\S]*?\]\]>|<\?[\s\S]*?\?>|<\/[^>]*>|(<(?:[^>"']|"[^"]*"|'[^']*')*>)/g;

export function placeOf({ name, text }: Descriptor, node: XmlNode): Place {
  const tag = startTagOf(text, node);
  if (!tag) return { member: name, line: node.line };
  const before = text.slice(0, tag.start).split('\n');
  return { member: name, line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
}

/** Undefined when the text is not what the parser has read: of another encoding, perhaps. */
export function startTagOf(text: string, node: XmlNode): StartTag | undefined {
  const index = Number(node.eval('count(preceding::*) + count(ancestor::*)'));
  let seen = 0;
  for (const match of text.matchAll(MARKUP)) {
    if (match[1] === undefined) continue;
    if (seen === index) return { start: match.index, end: match.index + match[0].length };
    seen += 1;
  }
  return undefined;
}
