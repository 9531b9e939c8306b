/**
 * The schema as JSON Schema: for editors (docs/appliance.schema.json), and as plain data for all here
 * that wants to know which keys there are.
 */
import { z } from 'zod';
import { manifestSchema } from './schema.ts';

/** The part of JSON Schema that zod writes for the manifest. */
export interface JsonSchema {
  readonly $schema?: string;
  readonly title?: string;
  readonly description?: string;
  readonly type?: string;
  readonly format?: string;
  readonly pattern?: string;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly default?: unknown;
  readonly examples?: readonly unknown[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
  readonly additionalProperties?: JsonSchema | false;
}

let generated: JsonSchema | undefined;

/** What a user may write (draft 7, which the editors' YAML support reads). */
export function manifestJsonSchema(): JsonSchema {
  generated ??= z.toJSONSchema(manifestSchema, {
    io: 'input',
    target: 'draft-7',
  }) as JsonSchema;
  return generated;
}

/** The text of docs/appliance.schema.json. */
export function jsonSchemaText(): string {
  return `${prettyJson(manifestJsonSchema(), { indent: '', used: 0 })}\n`;
}

const LINE_WIDTH = 100;

interface Margin {
  readonly indent: string;
  /** Columns taken by what stands before the value on its line, and the comma after it. */
  readonly used: number;
}

/** JSON as the project's formatter wants it: short lists stay on one line. */
function prettyJson(value: unknown, { indent, used }: Margin): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const inner = `${indent}  `;
  if (Array.isArray(value)) {
    const items = value.map((item) => prettyJson(item, { indent: inner, used: 0 }));
    const line = `[${items.join(', ')}]`;
    const fits = used + line.length <= LINE_WIDTH && !line.includes('\n');
    return fits ? line : `[\n${items.map((item) => inner + item).join(',\n')}\n${indent}]`;
  }
  const entries = Object.entries(value).filter(([, item]) => item !== undefined);
  if (entries.length === 0) return '{}';
  const lines = entries.map(([key, item]) => {
    const start = `${inner}${JSON.stringify(key)}: `;
    return start + prettyJson(item, { indent: inner, used: start.length + 1 });
  });
  return `{\n${lines.join(',\n')}\n${indent}}`;
}

/** The schemas that a value at this path may follow; none when the path leads nowhere. */
export function schemasAt(path: readonly PropertyKey[]): readonly JsonSchema[] {
  let schemas = alternatives(manifestJsonSchema());
  for (const segment of path) {
    schemas = schemas.flatMap((schema) => {
      const below = childSchema(schema, segment);
      return below ? alternatives(below) : [];
    });
  }
  return schemas;
}

function childSchema(schema: JsonSchema, segment: PropertyKey): JsonSchema | undefined {
  if (typeof segment === 'number') return schema.items;
  const properties = schema.properties ?? {};
  const key = String(segment);
  if (Object.hasOwn(properties, key)) return properties[key];
  return schema.additionalProperties === false ? undefined : schema.additionalProperties;
}

function alternatives(schema: JsonSchema): readonly JsonSchema[] {
  return schema.anyOf ? schema.anyOf.flatMap(alternatives) : [schema];
}

/** The keys known at this place. */
export function keysAt(path: readonly PropertyKey[]): readonly string[] {
  const keys = schemasAt(path).flatMap(({ properties }) => Object.keys(properties ?? {}));
  return [...new Set(keys)];
}

/** Where else a key of this name is known: `['machine']` for `memory`. */
export function homesOf(key: string): readonly string[] {
  const homes: string[] = [];
  const visit = (schema: JsonSchema, place: string): void => {
    for (const alternative of alternatives(schema)) {
      const properties = alternative.properties ?? {};
      if (Object.hasOwn(properties, key)) homes.push(place);
      for (const [name, child] of Object.entries(properties)) {
        visit(child, place === '' ? name : `${place}.${name}`);
      }
      if (alternative.items) visit(alternative.items, place);
    }
  };
  visit(manifestJsonSchema(), '');
  return homes;
}
