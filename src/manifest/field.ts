/**
 * The building blocks of the schema: texts with a check that complains like a person, sizes, and
 * rules between several values. They work the same whatever the schema says elsewhere.
 */
import { z } from 'zod';
import { parseDuration } from '../system/duration.ts';
import { parseSize } from '../system/size.ts';
import { quote } from './quote.ts';

/** What is wrong with a value, and what to do about it. */
export interface Complaint {
  readonly message: string;
  readonly hint?: string | undefined;
}

/** Undefined when the text is right. */
export type TextCheck = (text: string) => Complaint | undefined;

/** A string that the check finds nothing wrong with. */
export function text(check: TextCheck) {
  return z.string().superRefine((value, context) => {
    const complaint = unwell(value) ?? check(value);
    if (complaint) context.addIssue({ code: 'custom', ...issueOf(complaint) });
  });
}

/** No file, argument or configuration can carry these. */
function unwell(value: string): Complaint | undefined {
  return /[\0\p{Cs}]/u.test(value)
    ? { message: 'holds a NUL character or half of a surrogate pair, which no text file can' }
    : undefined;
}

function issueOf(complaint: Complaint) {
  return { message: complaint.message, params: { hint: complaint.hint } };
}

/** One line of text that is not blank. */
export const oneLine = () =>
  text((value) => {
    if (value.trim() === '') return { message: 'is empty' };
    return /\p{Cc}/u.test(value)
      ? { message: `${quote(value)} has control characters or more than one line` }
      : undefined;
  });

/** Text of any number of lines, tabs allowed. */
export const prose = () =>
  text((value) =>
    /[^\P{Cc}\n\t]/u.test(value)
      ? { message: 'has control characters other than line ends and tabs' }
      : undefined,
  );

const MIB = 2 ** 20;

export interface SizeLimits {
  readonly least: string;
  readonly most: string;
}

export interface About {
  readonly description: string;
  readonly examples: readonly string[];
}

/**
 * A size with a unit, read as a number of bytes and rounded up to whole MiB, as hypervisors count.
 * What it is for is said here: JSON Schema takes from the text, not from the number that comes out.
 */
export function size({ least, most }: SizeLimits, about: About) {
  const leastBytes = parseSize(least) ?? 0;
  const mostBytes = parseSize(most) ?? Number.POSITIVE_INFINITY;
  return z
    .string()
    .meta({ ...about, format: 'size' })
    .transform((value, context) => {
      const bytes = parseSize(value);
      const complaint = sizeComplaint(value, bytes, { least, most, leastBytes, mostBytes });
      if (complaint) {
        context.addIssue({ code: 'custom', ...issueOf(complaint) });
        return z.NEVER;
      }
      return Math.ceil((bytes ?? 0) / MIB) * MIB;
    });
}

interface SizeRange extends SizeLimits {
  readonly leastBytes: number;
  readonly mostBytes: number;
}

function sizeComplaint(
  value: string,
  bytes: number | undefined,
  range: SizeRange,
): Complaint | undefined {
  if (bytes === undefined) {
    return {
      message: `${quote(value)} is no size`,
      hint: `write a number with its unit (MiB, GiB, MB, GB), e.g. ${range.least}`,
    };
  }
  if (bytes < range.leastBytes) {
    return { message: `${value} is too small; at least ${range.least} is needed` };
  }
  return bytes > range.mostBytes
    ? { message: `${value} is too large; at most ${range.most} is possible` }
    : undefined;
}

const WEEK_SECONDS = 7 * 86_400;

/** A span of time with a unit, read as a number of seconds; a week at most. */
export function duration(about: About) {
  return z
    .string()
    .meta({ ...about, format: 'time-span' })
    .transform((value, context) => {
      const seconds = /[a-z]\s*$/.test(value) ? parseDuration(value) : undefined;
      if (seconds !== undefined && seconds <= WEEK_SECONDS) return seconds;
      const complaint =
        seconds === undefined
          ? {
              message: `${quote(value)} is no span of time above zero`,
              hint: 'write a number with its unit (s, min, h), e.g. 90 s, 15 min or 2 h',
            }
          : { message: `${value} is too long; at most 7 d is possible` };
      context.addIssue({ code: 'custom', ...issueOf(complaint) });
      return z.NEVER;
    });
}

/** Complains about the value at `path`, relative to the value that the rule looks at. */
export type Complain = (path: readonly PropertyKey[], complaint: Complaint) => void;

/**
 * A check between several values. It runs even when some of them are wrong by themselves, so that
 * all problems come out at once; hence it gets an unknown and must look before it touches.
 */
export function rule<T>(check: (value: unknown, complain: Complain) => void) {
  return z.superRefine<T>(
    (value, context) =>
      check(value, (path, complaint) =>
        context.addIssue({ code: 'custom', path: [...path], ...issueOf(complaint) }),
      ),
    { when: () => true },
  );
}

/** The value's own property, if it is an object and has it. */
export function property(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key)
    ? Reflect.get(value, key)
    : undefined;
}

/** Every item that repeats an earlier one, by the text that `textOf` finds in it. */
export function unique<T>(what: string, key?: string) {
  return rule<T>((value, complain) => {
    if (!Array.isArray(value)) return;
    const seen = new Set<string>();
    for (const [index, item] of value.entries()) {
      const found: unknown = key === undefined ? item : property(item, key);
      if (typeof found !== 'string') continue;
      if (seen.has(found)) {
        complain(key === undefined ? [index] : [index, key], {
          message: `${what} ${quote(found)} is given twice`,
        });
      }
      seen.add(found);
    }
  });
}
