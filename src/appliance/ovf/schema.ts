/**
 * Validates a descriptor against the DMTF's schema (DSP8023 1.1.1), which is part of pvmc. Vendors put
 * elements of their own where it allows none, so those are set aside first. The parser loads no entity
 * and no file, whatever the descriptor says.
 */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { XmlDocument, XsdValidator } from 'libxml2-wasm';
import { plainText } from '../../system/plain-text.ts';
import { Fault } from '../broken.ts';
import type { FaultName } from '../fault-names.ts';
import { NAMESPACES } from './namespaces.ts';
import { type StartTags, startTags } from './places.ts';

const SCHEMA = 'dsp8023_1.1.1.xsd';
const IMPORTED = [
  'xml.xsd',
  'common.xsd',
  'CIM_VirtualSystemSettingData.xsd',
  'CIM_ResourceAllocationSettingData.xsd',
];
const MOST_PROBLEMS = 10;
/** A large appliance with all its properties has some thousand. */
const MOST_ELEMENTS = 10_000;

// Loaded when it is needed: WebAssembly takes a while to start.
const libxml2 = () => import('libxml2-wasm');
type Libxml2 = Awaited<ReturnType<typeof libxml2>>;

let validator: Promise<XsdValidator> | undefined;

/** A descriptor that is XML and an envelope of version 1; disposing of it frees the document. */
export interface Descriptor extends Disposable {
  readonly document: XmlDocument;
  readonly text: string;
  readonly tags: StartTags;

  /** The file's name. */
  readonly name: string;
}

/**
 * For the caller to dispose of.
 * @throws Fault with the code `ovf-invalid`
 */
export async function parseDescriptor(name: string, bytes: Uint8Array): Promise<Descriptor> {
  const xml = await libxml2();
  const option = xml.ParseOption.XML_PARSE_NO_XXE;
  const document = translated(xml, { fault: 'descriptor-not-xml', name }, () =>
    xml.XmlDocument.fromBuffer(bytes, { option }),
  );
  const problem = documentProblem(document);
  if (problem === undefined) {
    const text = new TextDecoder().decode(bytes);
    // Of another encoding, in which nothing would be found, and that slowly.
    const tags = startTags(bytes.includes(0) ? '' : text);
    return { document, text, tags, name, [Symbol.dispose]: () => document.dispose() };
  }
  const { line } = document.root;
  document.dispose();
  const details = { code: 'ovf-invalid', message: problem.message };
  throw new Fault(problem.fault, { member: name, line }, details);
}

/**
 * Removes vendors' elements and attributes from the document: it is of no other use afterwards.
 * @throws Fault with the code `ovf-invalid`
 */
export async function validateDescriptor({ document, name }: Descriptor): Promise<void> {
  const xml = await libxml2();
  const isForeign = STANDARD.map((one) => `namespace-uri() != '${one}'`).join(' and ');
  for (const node of document.find(`//@*[namespace-uri() != '' and ${isForeign}]`)) node.remove();
  const elements = document.find(`//*[${isForeign}][not(ancestor::*[${isForeign}])]`);
  for (const node of elements) node.remove();
  validator ??= loadValidator(xml);
  const ready = await validator;
  translated(xml, { fault: 'schema', name }, () => ready.validate(document));
}

/** What stays: `xmlns` declarations are none of the attributes here. */
const STANDARD = [
  NAMESPACES.ovf,
  NAMESPACES.rasd,
  NAMESPACES.vssd,
  'http://schemas.dmtf.org/wbem/wscim/1/common',
  'http://www.w3.org/2001/XMLSchema-instance',
  'http://www.w3.org/XML/1998/namespace',
];

function documentProblem(document: XmlDocument): Problem | undefined {
  if (Number(document.root.eval('count(//*)')) > MOST_ELEMENTS) {
    const message = `the descriptor has more than ${MOST_ELEMENTS} elements, more than any machine needs`;
    return { fault: 'descriptor-not-xml', message };
  }
  if (document.dtd) {
    const message = 'the descriptor has a document type declaration, which OVF has no use for';
    return { fault: 'descriptor-doctype', message };
  }
  const { root } = document;
  if (root.name === 'Envelope' && root.namespaceUri === NAMESPACES.ovf) return undefined;
  const isOvf2 =
    root.name === 'Envelope' && root.namespaceUri === 'http://schemas.dmtf.org/ovf/envelope/2';
  const message = isOvf2
    ? 'the descriptor is of OVF 2, which hardly any importer reads'
    : 'the descriptor is no OVF envelope of version 1';
  return { fault: 'envelope-version', message };
}

interface Problem {
  readonly fault: FaultName;
  readonly message: string;
}

async function loadValidator(xml: Libxml2): Promise<XsdValidator> {
  const folder = schemaFolder();
  const texts: Record<string, Uint8Array> = {};
  for (const name of [SCHEMA, ...IMPORTED]) texts[name] = await readFile(new URL(name, folder));
  xml.xmlRegisterInputProvider(new xml.XmlBufferInputProvider(texts));
  try {
    using schema = xml.XmlDocument.fromBuffer(texts[SCHEMA] ?? new Uint8Array(), { url: SCHEMA });
    return xml.XsdValidator.fromDoc(schema);
  } finally {
    xml.xmlCleanupInputProvider();
  }
}

/** Seen from the bundle in dist/, and from this source. */
function schemaFolder(): URL {
  const fromBundle = new URL('../schemas/dmtf/', import.meta.url);
  return existsSync(fromBundle) ? fromBundle : new URL('../../../schemas/dmtf/', import.meta.url);
}

/** libxml2's errors as ours. */
function translated<Result>(
  xml: Libxml2,
  { fault, name }: { readonly fault: FaultName; readonly name: string },
  work: () => Result,
): Result {
  try {
    return work();
  } catch (thrown) {
    if (!(thrown instanceof xml.XmlLibError)) throw thrown;
    const problems = thrown.details.map(
      ({ line, message }) => `line ${line}: ${shortened(plainText(message).trim())}`,
    );
    const [first] = thrown.details;
    const place = { member: name, line: first?.line, column: first?.col || undefined };
    throw new Fault(fault, place, {
      code: 'ovf-invalid',
      message: 'the descriptor (.ovf) is not valid',
      details: problems.slice(0, MOST_PROBLEMS),
      cause: thrown,
    });
  }
}

function shortened(message: string): string {
  const plain = message.replaceAll(/\{http[^}]*\}/g, '');
  return plain.length > 300 ? `${plain.slice(0, 300)}…` : plain;
}
