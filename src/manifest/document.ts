/**
 * From bytes to a YAML document, and from a path in it back to the place in the file. YAML 1.2: `on`,
 * `off`, `yes` and `no` are texts here, and 0644 is the number 644, which the schema then refuses.
 */
import { isUtf8 } from 'node:buffer';
import {
  type Document,
  isAlias,
  isMap,
  isNode,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  visit,
} from 'yaml';
import type { ManifestProblem, Position } from './problem.ts';
import { quote } from './quote.ts';
import { syntaxProblem } from './syntax.ts';

export type Path = readonly PropertyKey[];

/** Which part of a `key: value` is meant. */
export type Place = 'key' | 'value';

export interface ManifestDocument {
  /** What the file says, as plain data. */
  readonly value: unknown;
  readonly positionOf: (path: Path, place?: Place) => Position;
  /** How the scalar at the path is written, without its quotes; undefined for all else. */
  readonly sourceOf: (path: Path) => string | undefined;
}

export interface ReadDocument {
  /** The file as text, for showing lines of it. */
  readonly text: string;
  readonly problems: readonly ManifestProblem[];
  /** Undefined when the file could not be understood as YAML. */
  readonly document?: ManifestDocument;
}

/** A handful of shared pieces is convenience; more is an attack on whoever reads the manifest. */
const MOST_ALIASES = 100;

export function readDocument(bytes: Uint8Array): ReadDocument {
  const text = new TextDecoder('utf-8').decode(bytes);
  const problem = encodingProblem(bytes, text);
  if (problem) return { text, problems: [problem] };
  try {
    return parse(text);
  } catch (error) {
    // The parser is recursive: a file of a million brackets ends its stack.
    if (!(error instanceof RangeError)) throw error;
    return { text, problems: [TOO_DEEP] };
  }
}

function encodingProblem(bytes: Uint8Array, text: string): ManifestProblem | undefined {
  if (!isUtf8(bytes)) {
    const hint = 'save the file as UTF-8';
    return { ...lineColumn(text, text.indexOf('\ufffd')), message: 'the file is not UTF-8', hint };
  }
  const nul = text.indexOf('\0');
  if (nul === -1) return undefined;
  return {
    ...lineColumn(text, nul),
    message: 'the file has NUL bytes in it: it is not a text file',
  };
}

function lineColumn(text: string, offset: number): Position {
  const before = text.slice(0, Math.max(0, offset)).split('\n');
  return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
}

function parse(text: string): ReadDocument {
  const lineCounter = new LineCounter();
  const parsed = parseDocument(text, {
    version: '1.2',
    schema: 'core',
    lineCounter,
    prettyErrors: false,
    // The library's own check compares every key with every other, which a large file makes slow.
    uniqueKeys: false,
    stringKeys: true,
    logLevel: 'error',
  });
  const positionAt = (offset: number): Position => {
    const { line, col } = lineCounter.linePos(Math.min(offset, text.length));
    return { line: Math.max(1, line), column: Math.max(1, col) };
  };
  const syntax = [...parsed.errors, ...parsed.warnings].map((error) => {
    const { offset, ...complaint } = syntaxProblem(error, { parsed, text });
    return { ...positionAt(offset), ...complaint };
  });
  if (parsed.errors.some(({ code }) => code === 'RESOURCE_EXHAUSTION')) {
    return { text, problems: [TOO_DEEP] };
  }
  if (syntax.length > 0) return { text, problems: syntax };
  if (parsed.contents === null || (isScalar(parsed.contents) && parsed.contents.value === null)) {
    return { text, problems: [EMPTY] };
  }
  return { text, ...readContents(parsed, positionAt) };
}

const TOO_DEEP: ManifestProblem = {
  line: 1,
  column: 1,
  message: 'the file is nested too deeply',
};

const EMPTY: ManifestProblem = {
  line: 1,
  column: 1,
  message: 'the manifest is empty',
  hint: 'pvmc init writes a first manifest to start from',
};

function readContents(
  parsed: Document.Parsed,
  positionAt: (offset: number) => Position,
): Omit<ReadDocument, 'text'> {
  const problems = duplicateKeys(parsed, positionAt);
  const loose = looseReferences(parsed, positionAt);
  if (loose.length > 0) return { problems: [...problems, ...loose] };
  let value: unknown;
  try {
    value = parsed.toJS({ maxAliasCount: MOST_ALIASES });
  } catch (error) {
    if (!(error instanceof ReferenceError)) throw error;
    const message = 'the file refers to its own parts (*name) too often or in a circle';
    return { problems: [{ line: 1, column: 1, message, hint: 'write the parts out' }] };
  }
  const document: ManifestDocument = {
    value,
    positionOf: (path, place = 'value') => positionAt(offsetOf(parsed, path, place)),
    sourceOf: (path) => {
      const node = nodeAt(parsed, path).node;
      return isScalar(node) && node.source !== undefined ? node.source : undefined;
    },
  };
  return { problems, document };
}

function duplicateKeys(
  parsed: Document.Parsed,
  positionAt: (offset: number) => Position,
): ManifestProblem[] {
  const problems: ManifestProblem[] = [];
  visit(parsed, {
    Map(_, map) {
      const first = new Map<string, number>();
      for (const { key } of map.items) {
        if (!isScalar(key)) continue;
        const name = String(key.value);
        const offset = key.range?.[0] ?? 0;
        const earlier = first.get(name);
        if (earlier === undefined) {
          first.set(name, offset);
          continue;
        }
        const message = `the key ${quote(name)} is given twice`;
        const hint = `the first one is on line ${positionAt(earlier).line}`;
        problems.push({ ...positionAt(offset), message, hint });
      }
    },
  });
  return problems;
}

/** References to parts that are not there, or that come later. */
function looseReferences(
  parsed: Document.Parsed,
  positionAt: (offset: number) => Position,
): ManifestProblem[] {
  const problems: ManifestProblem[] = [];
  const anchors = new Set<string>();
  visit(parsed, {
    Node(_, node) {
      if (!isAlias(node)) {
        if (node.anchor !== undefined) anchors.add(node.anchor);
      } else if (!anchors.has(node.source)) {
        const message = `*${node.source} refers to a part of the file that is not there`;
        const hint = `mark the part with &${node.source} first, or put the text in quotes`;
        problems.push({ ...positionAt(node.range?.[0] ?? 0), message, hint });
      }
    },
  });
  return problems;
}

interface Found {
  readonly node: Node | null;
  /** Of the key, or of the item in a list; of the nearest thing that is there when the path leads nowhere. */
  readonly keyOffset: number;
  readonly isItem: boolean;
}

function nodeAt(parsed: Document.Parsed, path: Path): Found {
  let found: Found = {
    node: parsed.contents,
    keyOffset: parsed.contents?.range[0] ?? 0,
    isItem: true,
  };
  for (const segment of path) {
    const below = child(parsed, found.node, segment);
    if (!below) return { ...found, node: null };
    found = below;
  }
  return found;
}

function child(
  parsed: Document.Parsed,
  node: Node | null,
  segment: PropertyKey,
): Found | undefined {
  const container = isAlias(node) ? node.resolve(parsed) : node;
  if (isSeq(container)) {
    const item = container.items[Number(segment)];
    if (!isNode(item)) return undefined;
    return { node: item, keyOffset: item.range?.[0] ?? 0, isItem: true };
  }
  if (!isMap(container)) return undefined;
  const pair = container.items.findLast(
    ({ key }) => isScalar(key) && String(key.value) === String(segment),
  );
  if (!isPair(pair) || !isScalar(pair.key)) return undefined;
  const value = isNode(pair.value) ? pair.value : null;
  return { node: value, keyOffset: pair.key.range?.[0] ?? 0, isItem: false };
}

/** Values that begin on their key's line, or that are items, have a place; for all others it is the key's. */
function offsetOf(parsed: Document.Parsed, path: Path, place: Place): number {
  const { node, keyOffset, isItem } = nodeAt(parsed, path);
  if (place === 'key' || !node?.range) return keyOffset;
  const [start, end] = node.range;
  const isBlock = (isMap(node) || isSeq(node)) && node.flow !== true;
  return isItem || (!isBlock && end > start) ? start : keyOffset;
}
