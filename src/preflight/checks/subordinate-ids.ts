/** The user and group ids that a user may hand out inside a user namespace (subuid(5), subgid(5)). */
import { textOf } from '../facts.ts';
import type { Who } from '../who.ts';

interface Range {
  readonly owner: string;
  readonly first: number;
  readonly count: number;
}

/** As many as mmdebstrap, and every distribution, wants for one user. */
const WANTED = 65_536;
/** Where adduser begins (SUB_UID_MIN of login.defs). */
const FIRST = 100_000;

export interface SubordinateFiles {
  readonly userPath: string;
  readonly groupPath: string;
}

export const SUBORDINATE_FILES: SubordinateFiles = {
  userPath: '/etc/subuid',
  groupPath: '/etc/subgid',
};

/** The command that gives the user what is missing, to be run as root; undefined when nothing is. */
export async function subordinateIdsCommand(
  { name, uid }: Pick<Who, 'name' | 'uid'>,
  files: SubordinateFiles = SUBORDINATE_FILES,
): Promise<string | undefined> {
  const users = await rangesOf(files.userPath);
  const groups = await rangesOf(files.groupPath);
  const lacks = (ranges: readonly Range[]) =>
    !ranges.some(({ owner, count }) => [name, String(uid)].includes(owner) && count >= WANTED);
  const options = [
    ...(lacks(users) ? [`--add-subuids ${freeRange(users)}`] : []),
    ...(lacks(groups) ? [`--add-subgids ${freeRange(groups)}`] : []),
  ];
  return options.length === 0 ? undefined : `usermod ${options.join(' ')} ${name}`;
}

async function rangesOf(path: string): Promise<readonly Range[]> {
  const lines = ((await textOf(path)) ?? '').split('\n');
  return lines.flatMap((line) => {
    const [, owner, first, count] = /^([^:#]+):(\d+):(\d+)$/.exec(line.trim()) ?? [];
    return owner === undefined ? [] : [{ owner, first: Number(first), count: Number(count) }];
  });
}

/** Behind all others: two users who share ids could reach each other's files. */
function freeRange(ranges: readonly Range[]): string {
  const first = Math.max(FIRST, ...ranges.map((range) => range.first + range.count));
  return `${first}-${first + WANTED - 1}`;
}
