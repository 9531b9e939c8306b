/**
 * Where in its text an element of a descriptor begins. libxml2 only knows the line in which an element's
 * start tag ends. The text is known to be well-formed, so its n-th start tag is the n-th element.
 */
import type { XmlNode } from 'libxml2-wasm';
import type { Place } from '../broken.ts';
import type { Descriptor } from './schema.ts';

export interface StartTag {
  /** In characters of the text. */
  readonly start: number;
  readonly end: number;
}

/** The start tags of a text, by the line in which they end. */
export interface StartTags {
  readonly all: readonly StartTag[];
  readonly byLine: ReadonlyMap<number, readonly StartTag[]>;
}

/** Comments, CDATA, instructions and end tags have no group; a start tag has. Line ends are met too. */
const MARKUP =
  /<!--[\s\S]*?-->|<!\[CDATA\[[\s\S]*?\]\]>|<\?[\s\S]*?\?>|<\/[^>]*>|(<(?:[^>"']|"[^"]*"|'[^']*')*>)/g;
/** Which of many elements one is takes long to count. */
const MOST_COUNTED = 1000;

export function startTags(text: string): StartTags {
  const all: StartTag[] = [];
  const byLine = new Map<number, StartTag[]>();
  let line = 1;
  let seen = 0;
  for (const match of text.matchAll(MARKUP)) {
    const end = match.index + match[0].length;
    for (let at = text.indexOf('\n', seen); at >= 0 && at < end; at = text.indexOf('\n', seen)) {
      line += 1;
      seen = at + 1;
    }
    if (match[1] === undefined) continue;
    const tag = { start: match.index, end };
    all.push(tag);
    const alike = byLine.get(line);
    if (alike) alike.push(tag);
    else byLine.set(line, [tag]);
  }
  return { all, byLine };
}

export function placeOf(descriptor: Descriptor, node: XmlNode): Place {
  const { name: member, text } = descriptor;
  const tag = startTagOf(descriptor, node);
  if (!tag) return { member, line: node.line };
  const lineStart = text.lastIndexOf('\n', tag.start) + 1;
  // A tag of several lines begins above.
  const above = text.slice(tag.start, tag.end).split('\n').length - 1;
  return { member, line: node.line - above, column: tag.start - lineStart + 1 };
}

/** Undefined when that would take long, or the text is of another encoding than the parser has read. */
export function startTagOf({ tags }: Descriptor, node: XmlNode): StartTag | undefined {
  const alike = tags.byLine.get(node.line) ?? [];
  if (alike.length <= 1) return alike[0];
  if (tags.all.length > MOST_COUNTED) return undefined;
  return tags.all[Number(node.eval('count(preceding::*) + count(ancestor::*)'))];
}
