/** From the schema's issues to problems at their place in the file, in words for the manifest's author. */
import type { z } from 'zod';
import type { ManifestDocument, Path, Place } from './document.ts';
import { property } from './field.ts';
import { homesOf, keysAt, schemasAt } from './json-schema.ts';
import type { ManifestProblem } from './problem.ts';
import { quote } from './quote.ts';
import { sentenceList } from './rules.ts';
import { didYouMean } from './suggest.ts';
import { typeComplaint } from './types-in-words.ts';

type Issue = z.core.$ZodIssue;

/** A complaint and what it is about. */
interface Finding {
  readonly path: Path;
  readonly place?: Place;
  readonly message: string;
  readonly hint?: string | undefined;
}

export function problemsOf(
  issues: readonly Issue[],
  document: ManifestDocument,
): readonly ManifestProblem[] {
  return issues
    .flatMap((issue) => findings(issue, document))
    .map(({ path, place, message, hint }) => ({
      ...document.positionOf(path, place),
      message,
      hint,
      ...(isSecret(path, document) ? { secret: true } : {}),
    }));
}

/** What begins like a public key, or names a file of one. */
const PUBLIC_KEY = /^\s*(?:(?:ssh|ecdsa|sk)-|[\w~./-]*\.pub\s*$)/;

/** The value may be a password or a private key by mistake: it is not shown. */
function isSecret(path: Path, document: ManifestDocument): boolean {
  if (path.includes('password-hash')) return true;
  const value = valueAt(document, path);
  if (path[0] === 'properties' && path[2] === 'default') {
    const setting = valueAt(document, path.slice(0, 2));
    return [property(setting, 'type'), property(setting, 'name')].includes('password');
  }
  return path.includes('ssh-keys') && typeof value === 'string' && !PUBLIC_KEY.test(value);
}

/** `users[0].ssh-keys[1]` */
function label(path: Path): string {
  return path.reduce<string>((text, segment) => {
    if (typeof segment === 'number') return `${text}[${segment}]`;
    const name = /^[\w.@-]+$/.test(String(segment)) ? String(segment) : quote(String(segment));
    return text === '' ? name : `${text}.${name}`;
  }, '');
}

/** A message that begins with a verb goes on where its subject ends: "hostname is empty". */
export function sentence(path: Path, message: string): string {
  const subject = label(path);
  if (subject === '') return message;
  return /^(?:is|has|needs|asks|says) /.test(message)
    ? `${subject} ${message}`
    : `${subject}: ${message}`;
}

function findings(issue: Issue, document: ManifestDocument): readonly Finding[] {
  const { path, code } = issue;
  if (code === 'unrecognized_keys') return issue.keys.map((key) => unknownKey(path, key));
  if (code === 'invalid_key') return issue.issues.map((inside) => keyFinding(path, inside));
  if (code === 'invalid_union') return unionFindings(issue, document);
  if (code === 'invalid_type' || code === 'invalid_value') return [typeFinding(path, document)];
  if (code === 'too_small' || code === 'too_big') return [limitFinding(issue, document)];
  return [{ path, message: sentence(path, issue.message), hint: hintOf(issue) }];
}

/** Of a key that the user chooses, such as a service's name. */
function keyFinding(path: Path, inside: unknown): Finding {
  const message = String(property(inside, 'message'));
  return {
    path,
    place: 'key',
    message: sentence(path.slice(0, -1), message),
    hint: hintOf(inside),
  };
}

function hintOf(issue: unknown): string | undefined {
  const hint = property(property(issue, 'params'), 'hint');
  return typeof hint === 'string' ? hint : undefined;
}

function valueAt(document: ManifestDocument, path: Path): unknown {
  return path.reduce<unknown>((value, segment) => property(value, String(segment)), document.value);
}

function typeFinding(path: Path, document: ManifestDocument): Finding {
  const complaint = typeComplaint({
    schemas: schemasAt(path),
    value: valueAt(document, path),
    source: document.sourceOf(path),
    key: path.findLast((segment) => typeof segment === 'string'),
    secret: isSecret(path, document),
  });
  return { path, message: sentence(path, complaint.message), hint: complaint.hint };
}

function limitFinding(
  issue: z.core.$ZodIssueTooSmall | z.core.$ZodIssueTooBig,
  document: ManifestDocument,
): Finding {
  const { path } = issue;
  if (issue.origin === 'array') {
    return { path, message: `${label(path)} is an empty list; at least one is needed` };
  }
  const [word, limit] =
    issue.code === 'too_small'
      ? [`too small; at least ${issue.minimum}`, 'is needed']
      : [`too large; at most ${issue.maximum}`, 'is possible'];
  const value = String(valueAt(document, path));
  return { path, message: sentence(path, `${value} is ${word} ${limit}`) };
}

/** Words that other tools use for a thing that has another name here. */
const OTHER_WORDS: ReadonlyMap<string, string> = new Map([
  ['password', 'password-hash'],
  ['passwd', 'password-hash'],
  ['authorized_keys', 'ssh-keys'],
  ['ssh_authorized_keys', 'ssh-keys'],
  ['ram', 'memory'],
  ['vcpus', 'cpus'],
  ['storage', 'disk'],
  ['release', 'suite'],
  ['url', 'http'],
  ['permissions', 'mode'],
]);

function unknownKey(path: Path, key: string): Finding {
  return {
    path: [...path, key],
    place: 'key',
    message: `${label([...path, key])} is not a known key`,
    hint: unknownKeyHint(path, key),
  };
}

function unknownKeyHint(path: Path, key: string): string | undefined {
  const known = keysAt(path);
  const other = OTHER_WORDS.get(key.toLowerCase());
  if (other !== undefined && known.includes(other)) return `did you mean ${other}?`;
  const near = didYouMean(key, known);
  if (near !== undefined) return near;
  const [home, ...others] = homesOf(other ?? key);
  if (home !== undefined && others.length === 0) {
    return home === ''
      ? `${other ?? key} is a key of the manifest itself: do not indent it`
      : `did you mean ${other ?? key} under ${home}?`;
  }
  return known.length === 0 ? undefined : `known here: ${known.join(', ')}`;
}

/**
 * A value that fits none of several forms: find the form that was meant, by the value's type and
 * then by the keys that the form requires, and say only what is wrong with that.
 */
function unionFindings(
  issue: z.core.$ZodIssueInvalidUnion,
  document: ManifestDocument,
): readonly Finding[] {
  const { path } = issue;
  const value = valueAt(document, path);
  const ofThisType = issue.errors.filter(
    (option) => !option.some(({ path: inside, code }) => inside.length === 0 && isTypeCode(code)),
  );
  const [only, ...others] = ofThisType;
  if (!only) return [typeFinding(path, document)];
  const complete = ofThisType.filter(
    (option) => !option.some((inside) => isMissing(inside, value)),
  );
  const meant = others.length === 0 ? only : complete.length === 1 ? complete[0] : undefined;
  if (!meant) return [kindFinding(path, value)];
  return meant.flatMap((inside) =>
    findings({ ...inside, path: [...path, ...inside.path] }, document),
  );
}

function isTypeCode(code: Issue['code']): boolean {
  return code === 'invalid_type' || code === 'invalid_value';
}

function isMissing({ code, path }: Issue, value: unknown): boolean {
  const key = path[0];
  return isTypeCode(code) && path.length === 1 && property(value, String(key)) === undefined;
}

/** Each form of a check has one key that is its own. */
function kindFinding(path: Path, value: unknown): Finding {
  const kinds = schemasAt(path).flatMap(({ required }) => required ?? []);
  const given = kinds.filter((kind) => property(value, kind) !== undefined);
  const unknown = Object.keys(value ?? {}).find((key) => !keysAt(path).includes(key));
  const found = given.length === 0 ? 'none of them' : sentenceList(given, 'and');
  return {
    path: given[1] === undefined ? path : [...path, given[1]],
    place: 'key',
    message: `${label(path)} needs exactly one of ${sentenceList(kinds, 'or')}; it has ${found}`,
    hint: unknown === undefined ? undefined : unknownKeyHint(path, unknown),
  };
}
