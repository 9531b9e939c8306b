/**
 * What apt's complaints mean. apt tells causes in words only; they are read here, right where they
 * come from, in the wording of apt 2.6 with gpgv (Debian 12) and apt 3.0 with sqv (Debian 13).
 */
import { PvmcError } from '../system/error.ts';

/** One thing that went wrong: with which file of which repository, and apt's reason. */
interface Complaint {
  readonly subject: string;
  readonly reason: string;
}

interface Cause {
  readonly code: string;
  /** Looked for in the reason. */
  readonly pattern: RegExp;
  /** Looked for in the subject; anything unless told. */
  readonly subject?: RegExp;
  readonly message: (where: string, match: RegExpExecArray) => string;
  readonly hint: string;
}

const KEY_HINT =
  'For an extra repository, see that its `key` is the one that signs it. For Debian itself, ' +
  'update the package debian-archive-keyring on this computer.';

/** The first that fits is the cause, so the special come before the general. */
const CAUSES: readonly Cause[] = [
  {
    code: 'repository-expired',
    pattern: /is expired \(invalid since ([^)]*)\)/,
    message: (where, [, since]) => `${where} is out of date: its Release file expired ${since} ago`,
    hint:
      'Use a mirror that is kept up to date, and see that the clock of this computer is right. ' +
      'An old Release file could hide security updates.',
  },
  {
    code: 'repository-not-yet-valid',
    pattern: /is not valid yet/,
    message: (where) => `${where} has a Release file from the future`,
    hint: 'Set the clock of this computer.',
  },
  {
    code: 'repository-key-missing',
    pattern: /(?:NO_PUBKEY|Missing key) ([0-9A-F]+)/,
    message: (where, [, key]) => `${where} is signed by the key ${key}, which is not the given one`,
    hint: KEY_HINT,
  },
  {
    code: 'repository-not-answering',
    pattern: /Could not resolve '([^']*)'|Temporary failure resolving '([^']*)'/,
    message: (where, [, name, other]) => `${where} does not answer: no such host ${name ?? other}`,
    hint: 'See that the URL is right and that this computer has a network.',
  },
  {
    code: 'repository-tls-failed',
    pattern: /handshake|SSL|certificate/i,
    message: (where) => `no secure connection to ${where} could be made`,
    hint: 'See that the URL is right, and that the package ca-certificates is installed.',
  },
  {
    code: 'repository-not-answering',
    pattern:
      /(Connection refused|timed out|Connection failed|[Uu]nable to connect|Could not connect)/,
    message: (where, [, reason]) => `${where} does not answer: ${(reason ?? '').toLowerCase()}`,
    hint: 'See that the URL is right and that this computer has a network; else try another mirror.',
  },
  {
    code: 'suite-not-found',
    pattern: /^404\b|does not have a Release file/,
    subject: /Release$/,
    message: (where) => `${where} does not exist`,
    hint: 'See that the URL and the suite are right: there must be a `dists` folder below the URL.',
  },
  {
    code: 'component-not-found',
    pattern: /doesn't have the component '([^']*)'/,
    message: (where, [, component]) => `${where} has no component ${component}`,
    hint: 'Debian has main, contrib, non-free and non-free-firmware; others have their own.',
  },
  {
    code: 'repository-refused',
    pattern: /^([1-5]\d\d)\s+(.*?)(?: \[IP:.*)?$/m,
    message: (where, [, status, text]) => `${where} refuses: ${status} ${text}`,
    hint: 'Open the URL in a browser; if the server is at fault, try another mirror or later.',
  },
  {
    code: 'repository-hash-mismatch',
    pattern: /Hash Sum mismatch|unexpected size/,
    message: (where) => `${where} sent a file that does not match its signed index`,
    hint: 'A mirror is so while it is being updated: try again in some minutes, or another mirror.',
  },
  {
    code: 'repository-garbled',
    pattern: /got 'NOSPLIT'/,
    message: (where) => `${where} sent something else than a Release file`,
    hint: 'A proxy or the sign-in page of a network may have answered instead.',
  },
  {
    code: 'repository-signature-invalid',
    pattern: /signature|GPG error|got 'NODATA'|sqv|gpgv/i,
    message: (where) => `the signature of ${where} is not valid`,
    hint: KEY_HINT,
  },
  {
    code: 'repository-unsigned',
    pattern: /is not signed/,
    message: (where) => `${where} is not signed`,
    hint: 'pvmc takes packages from signed repositories only.',
  },
];

/** What hindered a download, from the lines that apt said; undefined when nothing did. */
export function acquireFailure(lines: readonly string[], failed: boolean): PvmcError | undefined {
  const complaints = complaintsOf(lines);
  for (const complaint of complaints) {
    const error = causeOf(complaint, complaints);
    if (error) return error;
  }
  if (!failed) return undefined;
  return new PvmcError({
    kind: 'repository',
    code: 'repository-failed',
    message: 'apt could not get what it should from the repository',
    details: lines.filter((line) => /^[EW]:/.test(line)).slice(0, MOST_DETAILS),
    hint: 'The lines above are apt’s.',
  });
}

const MOST_DETAILS = 12;

function causeOf(complaint: Complaint, all: readonly Complaint[]): PvmcError | undefined {
  for (const { code, pattern, subject, message, hint } of CAUSES) {
    const match = pattern.exec(complaint.reason);
    if (!match || subject?.test(complaint.subject) === false) continue;
    const details = all.map((each) => `${each.subject}: ${each.reason.split('\n')[0]}`);
    return new PvmcError({
      kind: 'repository',
      code,
      message: message(placeOf(complaint.subject), match),
      hint,
      details: [...new Set(details)].slice(0, MOST_DETAILS),
    });
  }
  return undefined;
}

/** `URL SUITE` without the file, e.g. `http://deb.debian.org/debian trixie`. */
function placeOf(subject: string): string {
  const inDists = /^(\S+?)\/dists\/(.+?)\/(?:InRelease|Release.*|\S+\/binary-.*)$/.exec(subject);
  if (inDists) return `${inDists[1]} ${inDists[2]}`;
  const [url = '', suite = ''] = subject.split(' ');
  return `${url} ${suite.split('/')[0] === '' ? suite : suite.replace(/\/[^/]+$/, '')}`.trim();
}

/**
 * Reads `Err:1 URL SUITE ITEM`, whose reason follows indented, then what apt sums up at the end. Only
 * some causes are in both.
 */
function complaintsOf(lines: readonly string[]): Complaint[] {
  const complaints: Complaint[] = [];
  for (const [index, line] of lines.entries()) {
    const [, subject] = /^Err:\d+ (.*)$/.exec(line) ?? [];
    if (subject !== undefined) complaints.push({ subject, reason: reasonAfter(lines, index) });
    else complaints.push(...summaryOf(line));
  }
  return complaints;
}

function reasonAfter(lines: readonly string[], index: number): string {
  const following = lines.slice(index + 1);
  const end = following.findIndex((line) => !line.startsWith('  '));
  const reasons = end === -1 ? following : following.slice(0, end);
  return reasons.map((line) => line.trim()).join('\n');
}

const SUMMARIES: readonly RegExp[] = [
  /^[EW]: Release file for (?<subject>\S+) (?<reason>is .*)$/,
  /^[EW]: The repository '(?<subject>[^']*)' (?<reason>.*)$/,
  /^[EW]: Skipping acquire of configured file '[^']*' as repository '(?<subject>[^']*)' (?<reason>.*)$/,
  /^[EW]: (?:GPG error|OpenPGP signature verification failed): (?<subject>\S+ \S+ \w+): (?<reason>.*)$/,
  /^E: Failed to fetch (?<subject>\S+)\s+(?<reason>.*)$/,
];

function summaryOf(line: string): Complaint[] {
  for (const pattern of SUMMARIES) {
    const { subject, reason } = pattern.exec(line)?.groups ?? {};
    if (subject !== undefined && reason !== undefined) return [{ subject, reason }];
  }
  return [];
}

/** Why the packages cannot be installed together, from what apt said. */
export function installFailure(stdout: string, stderr: string): PvmcError {
  const [, lacking] =
    /Unable to locate package (\S+)|Package '?([^' ]+)'? has no installation candidate/.exec(
      stderr,
    ) ?? [];
  if (lacking !== undefined) return lackingPackage(lacking);
  const [, unmet = ''] = stdout.split('The following packages have unmet dependencies:\n');
  const explained = stderr.split('\n').filter((line) => /^( {3,}|E:)/.test(line));
  const details = [...unmet.split('\n'), ...explained].filter((line) => line.trim() !== '');
  return new PvmcError({
    kind: 'repository',
    code: 'dependencies-unmet',
    message: 'the packages cannot be installed together',
    details: details.slice(0, MOST_DETAILS),
    hint:
      'Leave one of the packages that exclude each other, or add the repository that has the missing one. ' +
      'Packages for another release than `repository.suite` do not fit.',
  });
}

function lackingPackage(name: string): PvmcError {
  return new PvmcError({
    kind: 'repository',
    code: 'package-lacking',
    message: `the repository has no package ${name}, which every appliance needs`,
    hint: 'See that `repository.mirror`, `suite` and `components` name a whole Debian archive.',
  });
}
