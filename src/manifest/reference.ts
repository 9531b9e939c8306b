/** docs/manifest.md: every key with its type, default, meaning and an example, from the schema. */
import { type JsonSchema, manifestJsonSchema } from './json-schema.ts';
import { sentenceList } from './rules.ts';

const INTRODUCTION = `# The manifest

<!-- Generated from src/manifest/schema.ts (see generate.ts beside it). Do not edit. -->

An appliance is described by one YAML file, \`appliance.yaml\`. It has a **name** and a **version**; all else has a
default. Keys that are not listed here are errors, and all errors of a file are shown at once.

Editors that understand the YAML language server complete and check the file when its first line is

\`\`\`yaml
# yaml-language-server: $schema=../../docs/appliance.schema.json
\`\`\`

with the path or URL of [appliance.schema.json](appliance.schema.json). \`pvmc init\` writes a first manifest with
comments; \`pvmc check\` finds what is wrong with one without building anything.

* A **size** is a number with its unit: \`512 MiB\`, \`1.5 GiB\` (powers of two), \`20 GB\` (powers of ten).
* A **duration** is a number with its unit: \`90 s\`, \`15 min\`, \`2 h\`.
* A **text** that YAML would take for something else needs quotes: \`version: "1.10"\`, \`mode: "0644"\`.
* **Paths on this computer** are relative to the folder of the manifest and may not leave it; absolute ones may.
* Passwords and private keys do not belong in a manifest: everybody who has the appliance could read them.
`;

/** The text of docs/manifest.md. */
export function referenceText(): string {
  const sections: string[] = [];
  describe({ schema: manifestJsonSchema(), title: 'All keys', path: '' }, sections);
  return `${INTRODUCTION}\n${sections.join('\n')}`;
}

/** One section for a schema that has keys, and then one for each of its keys that has some itself. */
function describe({ schema, title, path: above }: Described, sections: string[]): void {
  const properties = Object.entries(schema.properties ?? {}).map(([key, child]) => ({
    key,
    child,
    path: above === '' ? key : `${above}.${key}`,
    isRequired: schema.required?.includes(key) === true,
  }));
  const rows = properties.map(row);
  const introduction = above === '' ? '' : `${schema.description ?? ''}\n\n`;
  sections.push(
    `## ${title}\n\n${introduction}| key | type | default | meaning | example |\n|---|---|---|---|---|\n${rows.join('')}`,
  );
  for (const { child, path } of properties) {
    const keyed = withKeys(child);
    if (!keyed) continue;
    const own = { ...keyed, description: child.description ?? '' };
    const heading = `\`${path}\`${child.items ? ': each item' : ''}`;
    describe({ schema: own, title: heading, path }, sections);
  }
}

interface Described {
  readonly schema: JsonSchema;
  readonly title: string;
  /** Of the keys above, with dots. */
  readonly path: string;
}

interface Property {
  readonly key: string;
  readonly child: JsonSchema;
  readonly path: string;
  readonly isRequired: boolean;
}

/** The form of a value that has keys; of a list, its items'; of several forms, all their keys. */
function withKeys(schema: JsonSchema): JsonSchema | undefined {
  if (schema.properties) return schema;
  if (schema.items) return withKeys(schema.items);
  const forms = (schema.anyOf ?? []).filter(({ properties }) => properties);
  if (forms.length === 0) return undefined;
  const properties = Object.assign({}, ...forms.map((form) => form.properties));
  return { properties, required: forms.length === 1 ? (forms[0]?.required ?? []) : [] };
}

function row({ key, child: schema, path, isRequired }: Property): string {
  const link = withKeys(schema) ? ` See [${path}](#${anchor(path, schema)}).` : '';
  const cells = [
    `\`${key}\``,
    typeOf(schema),
    isRequired ? '**required**' : defaultOf(schema),
    `${schema.description ?? ''}${link}`,
    exampleOf(schema),
  ];
  return `| ${cells.map(cell).join(' | ')} |\n`;
}

/** As GitHub makes anchors of headings: no punctuation but dashes, spaces become dashes. */
function anchor(path: string, { items }: JsonSchema): string {
  return `${path.replaceAll('.', '')}${items ? '-each-item' : ''}`;
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}

function typeOf(schema: JsonSchema): string {
  if (schema.anyOf) return typesOf(schema.anyOf);
  if (schema.enum) return sentenceList(schema.enum.map(code), 'or');
  if ('const' in schema) return code(schema.const);
  if (schema.format === 'size') return 'size';
  if (schema.format === 'time-span') return 'duration';
  if (schema.type === 'string') return 'text';
  if (schema.type === 'integer') return `whole number, ${schema.minimum} to ${schema.maximum}`;
  if (schema.type === 'boolean') return '`true` or `false`';
  if (schema.items) return `list of ${pluralOf(schema.items)}`;
  return schema.additionalProperties
    ? `names, each with ${typeOf(schema.additionalProperties)}`
    : 'keys';
}

function typesOf(schemas: readonly JsonSchema[]): string {
  return sentenceList([...new Set(schemas.map(typeOf))], 'or');
}

function pluralOf(schema: JsonSchema): string {
  const type = typeOf(schema);
  return type === 'text' ? 'texts' : type;
}

function code(value: unknown): string {
  return `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``;
}

function defaultOf(schema: JsonSchema): string {
  const value = schema.default;
  if (value === undefined) return 'none';
  if (Array.isArray(value)) return value.length === 0 ? 'none' : code(yamlList(value));
  if (typeof value === 'object') return schema.properties ? 'see below' : 'none';
  return value === '' ? 'empty' : code(value);
}

function exampleOf(schema: JsonSchema): string {
  const example = schema.examples?.[0];
  if (example === undefined) return '';
  if (Array.isArray(example)) return code(yamlList(example));
  return code(typeof example === 'string' ? yamlText(example) : example);
}

function yamlList(items: readonly unknown[]): string {
  return `[${items.join(', ')}]`;
}

/** Quoted where YAML would read something else. */
function yamlText(text: string): string {
  return /^\d+(?:\.\d+)?$/.test(text) || text.includes('\n') ? JSON.stringify(text) : text;
}
