/**
 * User namespaces, in which mmdebstrap makes the medium's system without root. Whether they are to be
 * had is tried, the way mmdebstrap goes; only a failure is explained from the system's settings, of which
 * there are many and none decides alone.
 */
import { join } from 'node:path';
import { PvmcError } from '../../system/error.ts';
import { run } from '../../system/run.ts';
import { containerKind, numberOf } from '../facts.ts';
import { type Check, type Cure, type Finding, ok } from '../finding.ts';
import { findProgram, type Who, whoRunsUs } from '../who.ts';
import {
  SUBORDINATE_FILES,
  type SubordinateFiles,
  subordinateIdsCommand,
} from './subordinate-ids.ts';

export interface UserNamespaceOptions {
  /** What a refusal is: where a base lies in the cache, a build may not need them. */
  readonly refusal: 'problem' | 'warning';
  readonly files?: SubordinateFiles;
  readonly sysctlFolder?: string;
  readonly who?: Who;
}

export function userNamespaces(options: UserNamespaceOptions): Check {
  return {
    name: 'user namespaces',
    ifItHangs: 'warning',
    look: async (signal) => {
      const who = options.who ?? (await whoRunsUs());
      if (who.uid === 0) return [ok('not needed by root')];
      const refused = await refusalOf(signal);
      if (refused === undefined) return [ok('work')];
      return [
        {
          state: options.refusal,
          finding: `the medium’s system cannot be made without root here: ${refused}`,
          cure: await cureOf(who, options),
        } satisfies Finding,
      ];
    },
  };
}

/** As mmdebstrap does: a range of ids, and mounts and processes of its own. Undefined when it works. */
const TRIAL = 'unshare --user --map-auto --map-root-user --mount --pid --fork true'.split(' ');

async function refusalOf(signal: AbortSignal): Promise<string | undefined> {
  try {
    await run(TRIAL, { signal });
    return undefined;
  } catch (thrown) {
    if (!(thrown instanceof PvmcError)) throw thrown;
    const said = thrown.details.find((line) => line.trim() !== '') ?? thrown.message;
    // util-linux adds the system's last error, of which there is none.
    return said.replace(/: Success$/, '');
  }
}

interface Setting {
  readonly name: string;
  readonly refuses: (value: number) => boolean;
  readonly allow: number;
}

/** Debian's own, the kernel's, and Ubuntu's. */
const SETTINGS: readonly Setting[] = [
  { name: 'kernel.unprivileged_userns_clone', refuses: (value) => value === 0, allow: 1 },
  { name: 'user.max_user_namespaces', refuses: (value) => value < 10, allow: 15_000 },
  {
    name: 'kernel.apparmor_restrict_unprivileged_userns',
    refuses: (value) => value === 1,
    allow: 0,
  },
];

async function cureOf(
  who: Who,
  { files = SUBORDINATE_FILES, sysctlFolder = '/proc/sys' }: UserNamespaceOptions,
): Promise<Cure> {
  const commands: string[] = [];
  if ((await findProgram('newuidmap')) === undefined) commands.push('apt-get install --yes uidmap');
  const ids = await subordinateIdsCommand(who, files);
  if (ids !== undefined) commands.push(ids);
  for (const { name, refuses, allow } of SETTINGS) {
    const value = await numberOf(join(sysctlFolder, name.replaceAll('.', '/')));
    if (value !== undefined && refuses(value))
      commands.push(
        `echo ${name}=${allow} >/etc/sysctl.d/90-${name.split('.')[1]}.conf && sysctl --system`,
      );
  }
  if (commands.length > 0) return { commands: commands.map(who.asRoot) };
  const container = await containerKind();
  return {
    advice:
      container === undefined
        ? 'Run pvmc as root, which does without them.'
        : `This is a container (${container}) that forbids them: run pvmc as root in it, or start it with --security-opt seccomp=unconfined.`,
  };
}
