import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { PropertyFacts } from '../appliance/ovf/property-facts.ts';
import { temporaryFolder } from '../appliance/testing/fixtures.ts';
import {
  missingProperties,
  parseProperty,
  propertiesDisc,
  propertyValues,
  readPropertiesFile,
} from './import-properties.ts';

function property(key: string, type: string, changes: Partial<PropertyFacts> = {}): PropertyFacts {
  const facts = { label: undefined, default: '', isPassword: false, isConfigurable: true };
  return { key, type, ...facts, limits: {}, ...changes };
}

const DECLARED = [
  property('hostname', 'string', { limits: { maxLength: 8 }, default: 'shop' }),
  property('size', 'string', { limits: { choices: ['small', 'large'] } }),
  property('workers', 'int', { limits: { min: 1, max: 64 } }),
  property('unsigned', 'uint16'),
  property('ratio', 'real32'),
  property('open', 'boolean'),
  property('password', 'string', { isPassword: true, limits: { minLength: 8 } }),
  property('serial', 'string', { isConfigurable: false }),
];

describe('values', () => {
  test('go before the appliance’s own', () => {
    const given = [
      { key: 'size', value: 'large' },
      { key: 'hostname', value: 'a' },
      { key: 'hostname', value: 'b' },
    ];
    expect(Object.fromEntries(propertyValues(DECLARED, given))).toMatchObject({
      hostname: 'b',
      size: 'large',
      workers: '',
    });
  });

  test.each([
    ['hostname', 'too-long-a-name', 'hostname has more than 8 characters'],
    ['size', 'huge', 'size is not one of: small, large'],
    ['workers', 'four', 'workers is not a whole number that it can be'],
    ['workers', '0', 'workers is less than 1'],
    ['workers', '65', 'workers is more than 64'],
    ['unsigned', '-1', 'unsigned is not a whole number that it can be'],
    ['ratio', 'half', 'ratio is not a number'],
    ['open', 'perhaps', 'open is neither true nor false'],
    ['password', 'short', 'password has fewer than 8 characters'],
    ['hostname', 'a\u0007', 'hostname has control characters'],
    ['hostnam', 'a', 'hostnam: the appliance has no such property; did you mean hostname?'],
    ['serial', '1', 'serial: the appliance has no such property'],
  ])('%s=%s is refused', (key, value, problem) => {
    expect(() => propertyValues(DECLARED, [{ key, value }])).toThrow(
      expect.objectContaining({
        kind: 'usage',
        code: 'property-invalid',
        message: `a property is wrong: ${problem}`,
        hint: 'It has: hostname, size, workers, unsigned, ratio, open, password.',
      }),
    );
  });

  test('that are wrong are told together', () => {
    const given = [
      { key: 'size', value: 'huge' },
      { key: 'open', value: 'perhaps' },
    ];
    expect(() => propertyValues(DECLARED, given)).toThrow(
      expect.objectContaining({
        message: '2 properties are wrong',
        details: ['size is not one of: small, large', 'open is neither true nor false'],
      }),
    );
  });

  test('for an appliance that has none', () => {
    expect(() => propertyValues([], [{ key: 'a', value: '' }])).toThrow(
      expect.objectContaining({ hint: 'This appliance has no properties.' }),
    );
  });

  test('that are needed and missing are named', () => {
    expect(missingProperties(DECLARED, propertyValues(DECLARED, []))).toEqual(['password']);
    const given = [{ key: 'password', value: 'long enough' }];
    expect(missingProperties(DECLARED, propertyValues(DECLARED, given))).toEqual([]);
  });
});

describe('as they are written', () => {
  test.each([
    ['hostname=shop-1', { key: 'hostname', value: 'shop-1' }],
    ['title = a = b ', { key: 'title', value: 'a = b' }],
    ['empty=', { key: 'empty', value: '' }],
    ['hostname', undefined],
    ['=x', undefined],
    ['a b=x', undefined],
  ])('%j', (text, expected) => {
    expect(parseProperty(text)).toEqual(expected);
  });

  async function fromFile(text: string) {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'properties.txt');
    await writeFile(path, text);
    return await readPropertiesFile(path);
  }

  test('in a file, with comments, quotes and any line ends', async () => {
    expect(await fromFile('\ufeff# mine\r\n\r\na=1\nb="x y"\rc=\'z\'\n')).toEqual([
      { key: 'a', value: '1' },
      { key: 'b', value: 'x y' },
      { key: 'c', value: 'z' },
    ]);
  });

  test.each([
    ['a line without =', 'a=1\nsecret word\n', /has a line 2 that is no KEY=VALUE$/],
    [
      'too long',
      `a=${'x'.repeat(300_000)}`,
      /cannot be read as properties: it has more than 256 KiB$/,
    ],
  ])('in a file that is wrong: %s', async (_what, text, message) => {
    await expect(fromFile(text)).rejects.toMatchObject({
      code: 'properties-file-invalid',
      message: expect.stringMatching(message),
    });
  });

  test('in a file that is not there', async () => {
    await expect(readPropertiesFile('/nowhere/at/all')).rejects.toMatchObject({
      kind: 'usage',
      code: 'properties-file-invalid',
    });
  });
});

test('the disc holds an OVF environment', () => {
  const values = new Map([['hostname', 'a "b" <c> & d']]);
  const text = propertiesDisc('shop', values).toString('latin1');
  expect(text).toContain('oe:value="a &quot;b&quot; &lt;c&gt; &amp; d"');
});
