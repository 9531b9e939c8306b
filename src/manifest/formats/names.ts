/** Names that Debian, systemd and the network give rules for. */
import type { TextCheck } from '../field.ts';
import { quote } from '../quote.ts';

export const APPLIANCE_NAME = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/** It becomes a file name, a machine's name and by default the host name, so it obeys all three. */
export const applianceName: TextCheck = (name) =>
  APPLIANCE_NAME.test(name)
    ? undefined
    : {
        message: `${quote(name)} is not a name for an appliance`,
        hint: 'use 1 to 63 lower-case letters, digits and dashes, with no dash at either end',
      };

export const APPLIANCE_VERSION = /^[0-9A-Za-z][0-9A-Za-z.+~-]{0,63}$/;

export const applianceVersion: TextCheck = (version) =>
  APPLIANCE_VERSION.test(version)
    ? undefined
    : {
        message: `${quote(version)} is not a version`,
        hint: 'use letters, digits and . + ~ - (at most 64), starting with a letter or digit, e.g. 1.0.0',
      };

/** Debian policy 5.6.1. */
export const PACKAGE_NAME = /^[a-z0-9][a-z0-9+.-]+$/;

export const packageName: TextCheck = (name) => {
  if (PACKAGE_NAME.test(name)) return undefined;
  return { message: `${quote(name)} is not a package name`, hint: packageNameHint(name) };
};

function packageNameHint(name: string): string {
  if (/[=:/]/.test(name)) {
    return 'write the name alone; the version follows from the suite, the architecture is amd64';
  }
  if (/\s|,/.test(name.trim())) return 'write one package a line, each with its own dash';
  return PACKAGE_NAME.test(name.trim().toLowerCase())
    ? `did you mean ${name.trim().toLowerCase()}?`
    : 'package names have lower-case letters, digits and + - . (at least two characters)';
}

/** RFC 1123, and no longer than Linux takes (HOST_NAME_MAX). */
export const hostname: TextCheck = (name) => {
  if (name.length > 64) {
    return { message: `${quote(name)} is too long for a host name (at most 64 characters)` };
  }
  const wrong = name
    .split('.')
    .find((label) => !/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/i.test(label));
  if (wrong === undefined) return undefined;
  return {
    message: `${quote(name)} is not a host name`,
    hint: 'use letters, digits and dashes, no dash at either end; dots separate the parts of a full name',
  };
};

/** What Debian's adduser accepts, and 32 characters as utmp has room for. */
export const ACCOUNT_NAME = /^[a-z_][a-z0-9_-]{0,31}$/;

const ACCOUNT_RULE =
  'use lower-case letters, digits, - and _ (at most 32), starting with a letter or _';

/** Accounts that base-passwd creates in every Debian system. */
const DEBIAN_ACCOUNTS: ReadonlySet<string> = new Set(
  'daemon bin sys sync games man lp mail news uucp proxy www-data backup list irc _apt nobody'.split(
    ' ',
  ),
);

/** Its groups that have no account: `useradd` makes a group for each user, and cannot take one of these. */
const DEBIAN_GROUPS: ReadonlySet<string> = new Set(
  (
    'adm tty disk kmem dialout fax voice cdrom floppy tape sudo audio dip operator src shadow utmp video sasl ' +
    'plugdev staff users nogroup'
  ).split(' '),
);

export const userName: TextCheck = (name) => {
  if (!ACCOUNT_NAME.test(name)) {
    return { message: `${quote(name)} is not a user name`, hint: ACCOUNT_RULE };
  }
  const what = DEBIAN_ACCOUNTS.has(name)
    ? 'an account'
    : DEBIAN_GROUPS.has(name)
      ? 'a group'
      : undefined;
  if (what === undefined) return undefined;
  return {
    message: `${quote(name)} is ${what} that every Debian system has already`,
    hint: 'choose another name',
  };
};

export const groupName: TextCheck = (name) =>
  ACCOUNT_NAME.test(name)
    ? undefined
    : { message: `${quote(name)} is not a group name`, hint: ACCOUNT_RULE };

/** `user:group`, by name or number; both, so that nothing is left to guess. */
export const OWNER = /^(?:[a-z_][a-z0-9_-]{0,31}|\d{1,10}):(?:[a-z_][a-z0-9_-]{0,31}|\d{1,10})$/;

export const owner: TextCheck = (value) => {
  if (OWNER.test(value)) return undefined;
  const hint = /^[a-z0-9_-]+$/.test(value) ? `e.g. ${value}:${value}` : 'e.g. www-data:www-data';
  return { message: `${quote(value)} is not an owner of the form user:group`, hint };
};

const UNIT_TYPES = 'service|socket|timer|path|mount|automount|target|swap|slice';
const UNIT_NAME = new RegExp(
  `^[A-Za-z0-9:_.\\\\-]+(?:@[A-Za-z0-9:_.\\\\-]*)?(?:\\.(?:${UNIT_TYPES}))?$`,
);

export const unitName: TextCheck = (name) => {
  if (!UNIT_NAME.test(name) || name.length > 255) {
    return {
      message: `${quote(name)} is not the name of a service`,
      hint: 'write a systemd unit, e.g. nginx, nginx.service or apt-daily.timer',
    };
  }
  return /@(?:\.|$)/.test(name)
    ? {
        message: `${quote(name)} is a template, not a service`,
        hint: 'write the instance after the @, e.g. getty@tty2.service',
      }
    : undefined;
};

/** An archive's area, e.g. main or non-free-firmware; third parties use their own words. */
export const component: TextCheck = (name) =>
  /^[A-Za-z0-9][A-Za-z0-9+._/-]*$/.test(name)
    ? undefined
    : {
        message: `${quote(name)} is not a component of a repository`,
        hint: 'Debian has main, contrib, non-free and non-free-firmware',
      };
