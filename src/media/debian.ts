/**
 * Runs mmdebstrap: packages are fetched with their signatures checked, and extracted without running
 * their scripts; ours makes a system of them. Works as root, and in a user namespace without.
 */
import { join } from 'node:path';
import { PvmcError } from '../system/error.ts';
import type { Progress } from '../system/progress.ts';
import { commandLine, run } from '../system/run.ts';
import { BUILD_FOLDER } from './customize.ts';
import { BUILD_PACKAGES, SUITE, SYSTEM_PACKAGES } from './packages.ts';

export const DEFAULT_MIRROR = 'http://deb.debian.org/debian';
const DEFAULT_SECURITY_MIRROR = 'http://deb.debian.org/debian-security';
const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';

export interface DebianOptions {
  readonly mirror: string;
  readonly sourceDateEpoch: number;
  /** Holds `customize.tar`; `output/` and `system.tar` are written here. */
  readonly workFolder: string;
  /** For mmdebstrap's own files; the users of its user namespace must be able to enter it. */
  readonly temporaryFolder: string;
}

/** apt's sources, as one-line entries. Another mirror than Debian's own need not have the updates. */
export function aptSources(mirror: string): readonly string[] {
  const entry = (url: string, suite: string) => `deb [signed-by=${KEYRING}] ${url} ${suite} main`;
  const updates = [
    entry(mirror, `${SUITE}-updates`),
    entry(DEFAULT_SECURITY_MIRROR, `${SUITE}-security`),
  ];
  return [entry(mirror, SUITE), ...(mirror === DEFAULT_MIRROR ? updates : [])];
}

export function mmdebstrapCommand(options: DebianOptions): readonly string[] {
  // A hook's words are split as a shell does.
  const inWork = (name: string) => commandLine([join(options.workFolder, name)]);
  return [
    'mmdebstrap',
    '--variant=extract',
    '--architectures=amd64',
    '--format=tar',
    `--include=${[...SYSTEM_PACKAGES, ...BUILD_PACKAGES].join(',')}`,
    '--aptopt=Apt::Install-Recommends "false"',
    '--aptopt=Acquire::Retries "3"',
    '--aptopt=Acquire::http::Timeout "30"',
    // It would leave caches behind that are never twice the same; our script has removed them.
    '--skip=cleanup/apt',
    `--extract-hook=tar-in ${inWork('customize.tar')} /`,
    `--extract-hook=chroot "$1" /bin/sh /${BUILD_FOLDER}/customize.sh`,
    `--extract-hook=sync-out /${BUILD_FOLDER}/output ${inWork('output')}`,
    `--extract-hook=rm -rf "$1"/${BUILD_FOLDER}`,
    `--extract-hook=tar-in ${inWork('system-files.tar')} /`,
    SUITE,
    join(options.workFolder, 'system.tar'),
    ...aptSources(options.mirror),
  ];
}

/** Leaves the system's tar archive and the ISO's other ingredients in the work folder. */
export async function buildDebian(options: DebianOptions, progress: Progress): Promise<void> {
  try {
    await run(mmdebstrapCommand(options), {
      signal: progress.signal,
      log: (line, origin) => progress.log(line, origin),
      env: {
        SOURCE_DATE_EPOCH: String(options.sourceDateEpoch),
        TMPDIR: options.temporaryFolder,
      },
    });
  } catch (thrown) {
    throw explained(thrown, options);
  }
}

function explained(thrown: unknown, { mirror, temporaryFolder }: DebianOptions): unknown {
  if (!(thrown instanceof PvmcError) || thrown.code !== 'program-failed') return thrown;
  // Its remarks name the user namespace and the repository though nothing is wrong with them.
  const said = thrown.details.filter((line) => !line.startsWith('I: ')).join('\n');
  const cause = CAUSES.find(({ pattern }) => pattern.test(said));
  if (!cause) return thrown;
  return new PvmcError({
    kind: cause.kind,
    code: cause.code,
    message: cause.message({ mirror, temporaryFolder }),
    hint: cause.hint,
    details: thrown.details,
    cause: thrown,
  });
}

const CAUSES: readonly {
  readonly pattern: RegExp;
  readonly kind: 'host' | 'repository';
  readonly code: string;
  readonly message: (places: { mirror: string; temporaryFolder: string }) => string;
  readonly hint: string;
}[] = [
  {
    pattern: /No space left on device/i,
    kind: 'host',
    code: 'no-space',
    message: ({ temporaryFolder }) => `no space is left in ${temporaryFolder} to build the medium`,
    hint: 'Free about 2 GiB there, or set TMPDIR to a folder on a larger file system.',
  },
  {
    pattern: /unshare|newuidmap|subuid|user namespace|clone/i,
    kind: 'host',
    code: 'no-user-namespace',
    message: () => 'the medium cannot be built without root here: no user namespace is to be had',
    hint:
      'Install uidmap, give your user a range in /etc/subuid and /etc/subgid (adduser does), and\n' +
      'allow them: sysctl kernel.unprivileged_userns_clone=1. Or run pvmc as root.',
  },
  {
    pattern: /NO_PUBKEY|not signed|signature|Release file .* (expired|not valid)/i,
    kind: 'repository',
    code: 'repository-signature',
    message: ({ mirror }) => `the repository ${mirror} is not signed as Debian ${SUITE} should be`,
    hint: 'Check the mirror, the clock, and that debian-archive-keyring is up to date.',
  },
  {
    pattern:
      /Could not (resolve|connect)|Failed to fetch|Connection (failed|timed out|refused)|404/i,
    kind: 'repository',
    code: 'repository-unreachable',
    message: ({ mirror }) => `the repository ${mirror} does not answer`,
    hint: 'Check the network and the mirror, then run it again.',
  },
];
