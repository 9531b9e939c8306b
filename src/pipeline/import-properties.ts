/**
 * What an appliance is told about itself when it is imported: the properties that its descriptor declares,
 * with the values that were given. They are checked here, where somebody still reads what is said.
 */
import { ENVIRONMENT_FILE, ovfEnvironment } from '../appliance/ovf/environment.ts';
import type { PropertyFacts } from '../appliance/ovf/property-facts.ts';
import { smallDisc } from '../appliance/small-disc.ts';
import { didYouMean } from '../manifest/suggest.ts';
import { counted } from '../system/counted.ts';
import { messageOf, PvmcError } from '../system/error.ts';
import { plainText } from '../system/plain-text.ts';
import { readSmallFile } from '../system/small-file.ts';

/** As it was written on the command line or in a file. */
export interface GivenProperty {
  readonly key: string;
  readonly value: string;
}

/** One that the appliance asks for, and whether it was given. */
export interface AskedProperty {
  readonly key: string;
  readonly label: string | undefined;
  readonly given: boolean;
}

/** A file has no more; the guest reads no more. */
const MOST_BYTES = 256 * 1024;

/**
 * `KEY=VALUE` in lines, as the guest reads them: comments, blank lines and quotes around a value are fine.
 * @throws PvmcError `properties-file-invalid`
 */
export async function readPropertiesFile(path: string): Promise<readonly GivenProperty[]> {
  const text = await readText(path);
  const given: GivenProperty[] = [];
  for (const [index, line] of text
    .replace(/^\ufeff/, '')
    .split(/\r?\n|\r/)
    .entries()) {
    if (/^\s*(?:#|$)/.test(line)) continue;
    const property = parseProperty(line);
    // The line itself may be a password.
    if (!property) throw fileInvalid(`${path} has a line ${index + 1} that is no KEY=VALUE`);
    const [, , inner] = /^(["'])(.*)\1$/.exec(property.value) ?? [];
    given.push({ key: property.key, value: inner ?? property.value });
  }
  return given;
}

/** Undefined for a text that is no `KEY=VALUE`. */
export function parseProperty(text: string): GivenProperty | undefined {
  const [, key, value] = /^\s*([\w.-]+)\s*=\s*([\s\S]*?)\s*$/.exec(text) ?? [];
  return key === undefined || value === undefined ? undefined : { key, value };
}

async function readText(path: string): Promise<string> {
  try {
    return (await readSmallFile(path, MOST_BYTES)).toString('utf8');
  } catch (thrown) {
    throw fileInvalid(`${path} cannot be read as properties: ${messageOf(thrown)}`);
  }
}

function fileInvalid(message: string): PvmcError {
  return new PvmcError({
    kind: 'usage',
    code: 'properties-file-invalid',
    message,
    hint: 'Write a KEY=VALUE on each line; a line that begins with # is a comment.',
  });
}

/** Every property of the appliance with its value: the one that was given, or its own. */
export function propertyValues(
  declared: readonly PropertyFacts[],
  given: readonly GivenProperty[],
): ReadonlyMap<string, string> {
  const values = new Map(declared.map((one) => [one.key, one.default]));
  const problems: string[] = [];
  const keys = declared.filter((one) => one.isConfigurable).map((one) => one.key);
  for (const { key, value } of given) {
    const property = declared.find((one) => one.key === key && one.isConfigurable);
    if (!property) {
      const hint = didYouMean(key, keys);
      problems.push(
        `${plainText(key)}: the appliance has no such property${hint ? `; ${hint}` : ''}`,
      );
      continue;
    }
    const complaint = valueComplaint(property, value);
    if (complaint === undefined) values.set(key, value);
    else problems.push(`${key} ${complaint}`);
  }
  if (problems.length === 0) return values;
  const known = keys.map(plainText).join(', ');
  throw new PvmcError({
    kind: 'usage',
    code: 'property-invalid',
    message:
      problems.length === 1
        ? `a property is wrong: ${problems[0]}`
        : `${problems.length} properties are wrong`,
    details: problems.length === 1 ? [] : problems,
    hint: keys.length === 0 ? 'This appliance has no properties.' : `It has: ${known}.`,
  });
}

/** What is wrong with a value; it is not repeated, as it may be a password. */
function valueComplaint({ type, limits }: PropertyFacts, value: string): string | undefined {
  const { minLength, maxLength, min, max, choices } = limits;
  // XML's attributes hold no other ones, and a line of the guest's not even these.
  if (/[^\P{Cc}\t\n\r]/u.test(value)) return 'has control characters';
  if (choices && !choices.includes(value))
    return `is not one of: ${choices.map(plainText).join(', ')}`;
  const length = Array.from(value).length;
  if (minLength !== undefined && length < minLength)
    return `has fewer than ${counted(minLength, 'character')}`;
  if (maxLength !== undefined && length > maxLength)
    return `has more than ${counted(maxLength, 'character')}`;
  if (/^boolean$/i.test(type)) {
    return /^(?:true|false)$/i.test(value) ? undefined : 'is neither true nor false';
  }
  if (/^real/i.test(type)) {
    return /^[+-]?\d+(?:\.\d+)?(?:e[+-]?\d+)?$/i.test(value) ? undefined : 'is not a number';
  }
  if (!/^[us]?int/i.test(type)) return undefined;
  if (!/^[+-]?\d{1,19}$/.test(value) || (/^u/i.test(type) && value.startsWith('-'))) {
    return 'is not a whole number that it can be';
  }
  if (min !== undefined && Number(value) < min) return `is less than ${min}`;
  return max !== undefined && Number(value) > max ? `is more than ${max}` : undefined;
}

/** The appliance's properties, for whoever imports it. */
export function askedProperties(
  declared: readonly PropertyFacts[],
  given: readonly GivenProperty[],
): readonly AskedProperty[] {
  return declared
    .filter((one) => one.isConfigurable)
    .map(({ key, label }) => {
      // The last one counts, and an empty value is none.
      const value = given.findLast((one) => one.key === key)?.value ?? '';
      return { key, label, given: value !== '' };
    });
}

/** Those without which the appliance will ask again at each of its boots. */
export function missingProperties(
  declared: readonly PropertyFacts[],
  values: ReadonlyMap<string, string>,
): readonly string[] {
  return declared
    .filter(({ key, limits }) => (limits.minLength ?? 0) > 0 && (values.get(key) ?? '') === '')
    .map(({ key }) => plainText(key));
}

/** The disc that tells the guest, as vSphere makes it. */
export function propertiesDisc(name: string, values: ReadonlyMap<string, string>): Buffer {
  return smallDisc({
    label: 'OVF ENV',
    fileName: ENVIRONMENT_FILE,
    content: Buffer.from(ovfEnvironment(name, values)),
  });
}
