/** `properties`: what the appliance's users say when they import it, and the appliance does at its first boot. */
import { z } from 'zod';
import { counted } from '../../system/counted.ts';
import {
  type Complain,
  type Complaint,
  oneLine,
  property,
  prose,
  rule,
  text,
  unique,
} from '../field.ts';
import { userName } from '../formats/names.ts';
import { isReadyMade, PROPERTY_NAME, propertyName, readyMadeName } from '../formats/properties.ts';
import { quote } from '../quote.ts';

/** Of OVF's `int`, as VMware has it. */
const LEAST_INT = -(2 ** 31);
const MOST_INT = 2 ** 31 - 1;
const LONGEST_TEXT = 4096;

const int = () => z.int().min(LEAST_INT).max(MOST_INT);
const length = () => z.int().min(1).max(LONGEST_TEXT);

/** The list of choices stands in quotes in the descriptor. */
const choice = () =>
  text((value) => {
    if (value.trim() === '') return { message: 'is empty' };
    return /["\\\p{Cc}]/u.test(value)
      ? {
          message: `${quote(value)} has a quote, a backslash or a control character, which a choice cannot`,
        }
      : undefined;
  });

const settingSchema = z
  .strictObject({
    name: text(propertyName).meta({
      description:
        'A ready-made property (`hostname`, `network`, `ssh-key`, `password`), or the name of one of your own: ' +
        'lower-case letters, digits and dashes.',
      pattern: PROPERTY_NAME.source,
      examples: ['shop-title'],
    }),
    type: z
      .enum(['string', 'boolean', 'int', 'password'])
      .meta({
        description:
          'Of your own property: what it holds. One that has it is your own, one that has none is ready-made.',
        examples: ['string'],
      })
      .optional(),
    user: text(userName)
      .meta({
        description:
          'Of `ssh-key` and `password`: whose. Without it the only user, or root when there are no users.',
        examples: ['ada'],
      })
      .optional(),
    label: oneLine()
      .meta({ description: 'What importers call it.', examples: ['Title of the shop'] })
      .optional(),
    description: prose()
      .meta({
        description: 'What importers say about it.',
        examples: ['Stands at the top of each page'],
      })
      .optional(),
    default: z
      .union([oneLine(), int(), z.boolean()])
      .meta({
        description: 'Of your own property: its value when nobody gives one.',
        examples: ['My shop'],
      })
      .optional(),
    required: z
      .boolean()
      .meta({
        description:
          'Whether somebody must give a value. Importers ask for it; an appliance that gets none boots, says so, and looks again at the next boot.',
        examples: [true],
      })
      .default(false),
    min: int()
      .meta({ description: 'Of an `int`: the least.', examples: [1] })
      .optional(),
    max: int()
      .meta({ description: 'Of an `int`: the most.', examples: [100] })
      .optional(),
    'min-length': length()
      .meta({ description: 'Of a `string` or `password`: its fewest characters.', examples: [8] })
      .optional(),
    'max-length': length()
      .meta({ description: 'Of a `string` or `password`: its most characters.', examples: [40] })
      .optional(),
    choices: z
      .array(choice())
      .min(1)
      .check(unique('the choice'))
      .meta({ description: 'Of a `string`: what it can be.', examples: [['small', 'large']] })
      .optional(),
  })
  .check(rule(fitsItsKind));

export type PropertySetting = z.output<typeof settingSchema>;

export const propertiesSchema = z
  .array(z.union([text(readyMadeName), settingSchema]))
  .min(1)
  .check(rule(namesAreUnique));

/** The same name is a mistake, whether it is written alone or with settings. */
function namesAreUnique(value: unknown, complain: Complain): void {
  if (!Array.isArray(value)) return;
  const seen = new Set<string>();
  for (const [index, item] of value.entries()) {
    const isAlone = typeof item === 'string';
    const name: unknown = isAlone ? item : property(item, 'name');
    if (typeof name !== 'string') continue;
    if (seen.has(name)) {
      const message = `the property ${quote(name)} is given twice`;
      complain(isAlone ? [index] : [index, 'name'], { message });
    }
    seen.add(name);
  }
}

type Setting = 'user' | 'default' | 'min' | 'max' | 'min-length' | 'max-length' | 'choices';

/** What can be said of each kind, besides label, description and whether it is required. */
const SETTINGS: Readonly<Record<string, readonly Setting[]>> = {
  hostname: [],
  network: [],
  'ssh-key': ['user'],
  password: ['user', 'min-length', 'max-length'],
  'own string': ['default', 'min-length', 'max-length', 'choices'],
  'own boolean': ['default'],
  'own int': ['default', 'min', 'max'],
  'own password': ['min-length', 'max-length'],
};
const ALL_SETTINGS = [...new Set(Object.values(SETTINGS).flat())];

function fitsItsKind(value: unknown, complain: Complain): void {
  const name = property(value, 'name');
  const type = property(value, 'type');
  if (typeof name !== 'string' || !PROPERTY_NAME.test(name)) return;
  if (isReadyMade(name) && type !== undefined) {
    complain(['type'], {
      message: `${quote(name)} is a ready-made property, whose type is known`,
      hint: 'leave the type out, or choose another name for a property of your own',
    });
    return;
  }
  if (!isReadyMade(name) && type === undefined) {
    const { message, hint } = readyMadeName(name) ?? { message: 'needs a type', hint: undefined };
    complain(['name'], { message, hint });
    return;
  }
  const kind = isReadyMade(name) ? name : `own ${String(type)}`;
  const allowed = SETTINGS[kind];
  if (!allowed) return;
  for (const setting of ALL_SETTINGS) {
    if (property(value, setting) === undefined || allowed.includes(setting)) continue;
    complain([setting], misplaced(setting, kind));
  }
  if (allowed.includes('default')) complainOfDefault(value, String(type), complain);
  complainOfLimits(value, complain);
}

function misplaced(setting: Setting, kind: string): Complaint {
  const what = kind.startsWith('own ')
    ? `a property of the type ${kind.slice(4)}`
    : `the property ${kind}`;
  const message = `has no meaning for ${what}`;
  if (setting !== 'default') return { message };
  if (kind.endsWith('password')) {
    return {
      message: 'would be the same password in every copy, and known to everybody who has one',
      hint: 'leave it out; required: true makes importers ask for one',
    };
  }
  const hints: Readonly<Record<string, string>> = {
    hostname: 'the manifest’s hostname is what it is without one',
    network: 'the manifest’s network is what it is without one',
    'ssh-key': 'the ssh-keys of the manifest’s users are always there',
  };
  return { message, hint: hints[kind] };
}

function complainOfDefault(value: unknown, type: string, complain: Complain): void {
  const given = property(value, 'default');
  if (given === undefined) return;
  const wanted = { string: 'string', boolean: 'boolean', int: 'number' }[type];
  if (typeof given !== wanted) {
    const words = { string: 'a text', boolean: 'true or false', int: 'a whole number' }[type];
    const isBare = typeof given === 'number' || typeof given === 'boolean';
    const hint = type === 'string' && isBare ? `write it in quotes: "${given}"` : undefined;
    complain(['default'], { message: `is not ${words}, which the type ${type} wants`, hint });
    return;
  }
  const complaint = limitComplaint(given, limitsOf(value));
  if (complaint !== undefined) complain(['default'], { message: complaint });
}

interface Limits {
  readonly min: unknown;
  readonly max: unknown;
  readonly minLength: unknown;
  readonly maxLength: unknown;
  readonly choices: unknown;
}

function limitsOf(value: unknown): Limits {
  return {
    min: property(value, 'min'),
    max: property(value, 'max'),
    minLength: property(value, 'min-length'),
    maxLength: property(value, 'max-length'),
    choices: property(value, 'choices'),
  };
}

function limitComplaint(given: unknown, limits: Limits): string | undefined {
  const { min, max, minLength, maxLength, choices } = limits;
  if (typeof given === 'number') {
    if (typeof min === 'number' && given < min) return `is below min, ${min}`;
    return typeof max === 'number' && given > max ? `is above max, ${max}` : undefined;
  }
  if (typeof given !== 'string') return undefined;
  const count = Array.from(given).length;
  if (typeof minLength === 'number' && count < minLength) {
    return `has ${counted(count, 'character')}, fewer than min-length, ${minLength}`;
  }
  if (typeof maxLength === 'number' && count > maxLength) {
    return `has ${counted(count, 'character')}, more than max-length, ${maxLength}`;
  }
  return Array.isArray(choices) && !choices.includes(given)
    ? 'is not one of the choices'
    : undefined;
}

function complainOfLimits(value: unknown, complain: Complain): void {
  const { min, max, minLength, maxLength, choices } = limitsOf(value);
  if (typeof min === 'number' && typeof max === 'number' && min > max) {
    complain(['max'], { message: `is less than min, ${min}` });
  }
  if (typeof minLength === 'number' && typeof maxLength === 'number' && minLength > maxLength) {
    complain(['max-length'], { message: `is less than min-length, ${minLength}` });
  }
  if (choices === undefined) return;
  for (const key of ['min-length', 'max-length'] as const) {
    if (property(value, key) === undefined) continue;
    complain([key], { message: 'has no meaning beside choices' });
  }
}
