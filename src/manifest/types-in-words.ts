/** What kind of value belongs in a place and what is there instead, in words. */
import type { Complaint } from './field.ts';
import { HOW_TO_HASH } from './formats/credentials.ts';
import type { JsonSchema } from './json-schema.ts';
import { quote } from './quote.ts';
import { sentenceList } from './rules.ts';
import { didYouMean } from './suggest.ts';

export interface Mismatch {
  /** The alternatives that the place has. */
  readonly schemas: readonly JsonSchema[];
  readonly value: unknown;
  /** How a scalar is written. */
  readonly source: string | undefined;
  /** The nearest key above the value. */
  readonly key: PropertyKey | undefined;
  readonly secret: boolean;
}

export function typeComplaint(mismatch: Mismatch): Complaint {
  const { schemas, value, key, secret } = mismatch;
  if (value === undefined) return { message: 'is missing', hint: exampleHint(schemas, key) };
  if (value === null) {
    return { message: 'has no value', hint: 'write one, or remove the line' };
  }
  const words = wordsOf(schemas);
  if (typeof value === 'string' && words.length > 0 && !secret && !expects(schemas, 'object')) {
    return {
      message: `${quote(value)} is not ${words.length === 1 ? '' : 'one of '}${sentenceList(words, 'and')}`,
      hint: booleanHint(schemas, value) ?? didYouMean(value, words),
    };
  }
  const found = secret ? kindOf(value) : inWords(value);
  return {
    message: `expected ${sentenceList([...new Set(schemas.map(expected))], 'or')}, found ${found}`,
    hint: typeHint(mismatch),
  };
}

function expects(schemas: readonly JsonSchema[], type: string): boolean {
  return schemas.some((schema) => schema.type === type);
}

/** The fixed words that the place may have. */
function wordsOf(schemas: readonly JsonSchema[]): string[] {
  const words = schemas.flatMap(
    (schema) => schema.enum ?? ('const' in schema ? [schema.const] : []),
  );
  return words.filter((word) => typeof word === 'string');
}

function expected(schema: JsonSchema): string {
  if (schema.enum) return sentenceList(schema.enum.map(String), 'or');
  if ('const' in schema) return String(schema.const);
  if (schema.format === 'size') return 'a size';
  if (schema.format === 'time-span') return 'a span of time';
  return TYPES[schema.type ?? ''] ?? 'keys with values';
}

const TYPES: Readonly<Record<string, string>> = {
  string: 'a text',
  integer: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
};

function inWords(value: unknown): string {
  if (typeof value === 'string') return `the text ${quote(value)}`;
  if (typeof value === 'number' || typeof value === 'bigint') return `the number ${value}`;
  return typeof value === 'boolean' ? String(value) : kindOf(value);
}

function kindOf(value: unknown): string {
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  return typeof value === 'object' ? 'keys with values' : `a ${typeof value}`;
}

function typeHint({ schemas, value, source, key, secret }: Mismatch): string | undefined {
  const isScalar = typeof value !== 'object';
  const written = source ?? String(value);
  if (secret) return key === 'password-hash' ? HOW_TO_HASH : undefined;
  if (expects(schemas, 'array') && isScalar) return `write a list: ${String(key)}: [${written}]`;
  if (schemas.some(({ format }) => format === 'size')) {
    return typeof value === 'number' ? `write the unit too, e.g. ${written} GiB` : undefined;
  }
  if (schemas.some(({ format }) => format === 'time-span')) {
    return typeof value === 'number' ? `write the unit too, e.g. ${written} min` : undefined;
  }
  if (expects(schemas, 'string') && isScalar && typeof value !== 'string') {
    if (schemas.some((schema) => schema.const === false)) return undefined;
    return `without quotes YAML reads ${typeof value === 'number' ? 'a number' : 'true or false'}; write "${written}"`;
  }
  if (expects(schemas, 'integer') && typeof value === 'string' && /^\d+$/.test(value)) {
    return `write it without quotes: ${value}`;
  }
  return typeof value === 'string'
    ? (booleanHint(schemas, value) ?? didYouMean(value, wordsOf(schemas)))
    : undefined;
}

/** YAML 1.1's other words for true and false, on and off. */
function booleanHint(schemas: readonly JsonSchema[], value: string): string | undefined {
  const word = value.toLowerCase();
  const isYes = ['yes', 'on', 'y', 'true', 'enabled', 'enable'].includes(word);
  const isNo = ['no', 'off', 'n', 'false', 'disabled', 'disable'].includes(word);
  if (!expects(schemas, 'boolean') || (!isYes && !isNo)) return undefined;
  const [yes, no] = wordsOf(schemas).length > 0 ? ['on', 'off'] : ['true', 'false'];
  return `did you mean ${isYes ? yes : no}?`;
}

function exampleHint(schemas: readonly JsonSchema[], key: PropertyKey | undefined) {
  const example = schemas.flatMap(({ examples }) => examples ?? [])[0];
  return typeof example === 'string' || typeof example === 'number'
    ? `e.g. ${String(key)}: ${example}`
    : undefined;
}
