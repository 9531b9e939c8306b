/** Rules between several values of the manifest. They run on whatever the user wrote: see field.ts. */
import { formatSize } from '../system/size.ts';
import { type Complain, property } from './field.ts';
import { HOW_TO_HASH } from './formats/credentials.ts';
import { quote } from './quote.ts';
import { didYouMean } from './suggest.ts';

const has = (value: unknown, key: string): boolean => property(value, key) !== undefined;

const isMapping = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** `a, b or c`, `a and b` */
export function sentenceList(words: readonly string[], last: 'and' | 'or'): string {
  if (words.length < 2) return words.join('');
  return `${words.slice(0, -1).join(', ')} ${last} ${words.at(-1)}`;
}

/** Of keys that exclude each other, one. */
export function exactlyOne(what: string, keys: readonly string[]) {
  return (value: unknown, complain: Complain): void => {
    if (!isMapping(value)) return;
    const given = keys.filter((key) => has(value, key));
    const choice = `${what} has either ${sentenceList(keys, 'or')}`;
    if (given.length === 0) complain([], { message: `${choice}; this one has neither` });
    const second = given[1];
    if (second !== undefined) complain([second], { message: `${choice}; this one has both` });
  };
}

/** A suite has components; a folder, written with a slash at its end, has none. */
export function componentsFitSuite(value: unknown, complain: Complain): void {
  const suite = property(value, 'suite');
  const components = property(value, 'components');
  if (typeof suite !== 'string' || !(Array.isArray(components) || components === undefined)) return;
  const count = components?.length ?? 0;
  if (suite.endsWith('/') && count > 0) {
    complain(['components'], {
      message: `a repository without suites ("${suite}") has no components`,
      hint: 'leave the components out, or the slash at the end of the suite',
    });
  }
  if (!suite.endsWith('/') && count === 0) {
    complain(['suite'], {
      message: 'a suite needs its components',
      hint: 'add e.g. components: [main], or end the suite with a slash if it is a folder',
    });
  }
}

/** sudo that asks for a password can never be used by somebody without one. */
export function sudoHasPassword(value: unknown, complain: Complain): void {
  const asked = whoseProperty(value, 'password');
  for (const [index, user] of listOf(property(value, 'users')).entries()) {
    if (property(user, 'sudo') !== 'password' || has(user, 'password-hash')) continue;
    if (asked !== undefined && asked === property(user, 'name')) continue;
    complain(['users', index, 'sudo'], {
      message: 'asks for a password, but the user has none',
      hint: `add password-hash, or write sudo: passwordless\n${HOW_TO_HASH.split('\n')[0]}`,
    });
  }
}

/** root is there already, and may do everything. */
export function rootIsPlain(value: unknown, complain: Complain): void {
  if (property(value, 'name') !== 'root') return;
  if (listOf(property(value, 'groups')).length > 0) {
    complain(['groups'], { message: 'has no meaning for root' });
  }
  const sudo = property(value, 'sudo');
  if (sudo === 'password' || sudo === 'passwordless') {
    complain(['sudo'], { message: 'has no meaning for root' });
  }
}

/** RubyGems' rule for versions, which Vagrant has taken over. */
const BOX_VERSION = /^\d+(?:\.[0-9A-Za-z]+)*(?:-[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?$/;

/** Vagrant refuses a catalogue with a version that it cannot compare with others. */
export function boxVersionIsUsable(value: unknown, complain: Complain): void {
  const version = property(value, 'version');
  if (typeof version !== 'string' || BOX_VERSION.test(version)) return;
  const formats = listOf(property(value, 'exports')).filter((name) => typeof name === 'string');
  const box = formats.find((name) => name.startsWith('vagrant-'));
  if (box === undefined) return;
  complain(['version'], {
    message: `Vagrant takes no version like ${quote(version)}, and the exports have ${box}`,
    hint: 'use numbers with dots, and letters only behind the first one, e.g. 1.0.0 or 1.0.0-rc1',
  });
}

/** Formats that hold the whole disk, used or not, and the bytes that they have besides. */
const WHOLE_DISK_FORMATS: ReadonlyMap<unknown, number> = new Map([
  ['raw', 0],
  ['vhd', 512],
]);

/** What can be known before anything is built is said then. */
export function budgetCanBeKept(value: unknown, complain: Complain): void {
  const limit = property(property(value, 'budget'), 'export');
  const disk = property(property(value, 'machine'), 'disk');
  if (typeof limit !== 'number' || typeof disk !== 'number') return;
  for (const format of listOf(property(value, 'exports'))) {
    const besides = WHOLE_DISK_FORMATS.get(format);
    if (besides === undefined || disk + besides <= limit) continue;
    complain(['budget', 'export'], {
      message: `the export ${String(format)} holds the whole disk of ${formatSize(disk)}, used or not, and cannot keep to ${formatSize(limit)}`,
      hint: 'limit what is on the disk with disk-data instead, or make machine.disk smaller',
    });
    return;
  }
}

/** `sudo` is not part of a plain Debian system. */
export function sudoIsUsable(value: unknown, complain: Complain): void {
  const packages = listOf(property(value, 'packages'));
  if (packages.some((name) => typeof name === 'string' && /^sudo(?:-|$)/.test(name))) return;
  for (const [index, user] of listOf(property(value, 'users')).entries()) {
    const sudo = property(user, 'sudo');
    if (sudo !== 'password' && sudo !== 'passwordless') continue;
    complain(['users', index, 'sudo'], {
      message: 'needs the package sudo, which is not among the packages',
      hint: 'add sudo to packages',
    });
  }
}

/** The user that `ssh-key` and `password` are for when nobody is named: the only one, or root. */
export function usualUser(users: readonly unknown[]): string | undefined {
  if (users.length === 0) return 'root';
  const name = property(users[0], 'name');
  return users.length === 1 && typeof name === 'string' ? name : undefined;
}

/** Whom the ready-made property of that name is for; undefined when there is none, or it cannot be told. */
function whoseProperty(manifest: unknown, name: string): string | undefined {
  const item = listOf(property(manifest, 'properties')).find(
    (one) => one === name || property(one, 'name') === name,
  );
  if (item === undefined || has(item, 'type')) return undefined;
  const user = property(item, 'user');
  if (typeof user === 'string') return user;
  return usualUser(listOf(property(manifest, 'users')));
}

/** A key or a password is for somebody that the appliance has. */
export function propertiesHaveUsers(value: unknown, complain: Complain): void {
  const users = listOf(property(value, 'users'));
  const names = users
    .map((user) => property(user, 'name'))
    .filter((name) => typeof name === 'string');
  for (const [index, item] of listOf(property(value, 'properties')).entries()) {
    const name = typeof item === 'string' ? item : property(item, 'name');
    if ((name !== 'ssh-key' && name !== 'password') || has(item, 'type')) continue;
    const user = property(item, 'user');
    if (typeof user === 'string') {
      if (user === 'root' || names.includes(user)) continue;
      complain(['properties', index, 'user'], {
        message: `there is no user ${quote(user)} in users`,
        hint: didYouMean(user, names),
      });
    } else if (usualUser(users) === undefined) {
      complain(['properties', index], {
        message: 'needs a user, as the manifest has several',
        hint: `write it with one: {name: ${name}, user: ${names[0]}}`,
      });
    }
  }
}
