/** What the shell or the system lets one process have (ulimit): the size of a file, and of its memory. */
import { formatSize } from '../../system/size.ts';
import { textOf } from '../facts.ts';
import { type Check, type Finding, ok, problem } from '../finding.ts';

export interface LimitNeeds {
  /** The machine's disk is the largest file, and counts with its holes. */
  readonly diskBytes: number;
  readonly memoryBytes: number;
  readonly limitsPath?: string;
}

const LIMITS = '/proc/self/limits';

/** QEMU's own, beside the guest's memory. Address space, not memory: much of it is never touched. */
const QEMU_ADDRESS_SPACE = 4 * 2 ** 30;

export function limits(needs: LimitNeeds): Check {
  return {
    name: 'limits',
    ifItHangs: 'warning',
    look: async () => {
      const text = (await textOf(needs.limitsPath ?? LIMITS)) ?? '';
      // Who may raise them beyond what was set for good.
      const isRoot = process.getuid?.() === 0;
      const fileSize = limitIn(text, 'Max file size');
      const addressSpace = limitIn(text, 'Max address space');
      const findings: Finding[] = [];
      if (fileSize.soft < needs.diskBytes)
        findings.push(
          problem(
            `files may not be larger than ${formatSize(fileSize.soft)}, and the machine’s disk is one of ${formatSize(needs.diskBytes)}`,
            cureOf('-f', fileSize.hard >= needs.diskBytes || isRoot),
          ),
        );
      const wanted = needs.memoryBytes + QEMU_ADDRESS_SPACE;
      if (addressSpace.soft < wanted)
        findings.push(
          problem(
            `a process may not have more than ${formatSize(addressSpace.soft)} of address space, and the machine’s needs ${formatSize(wanted)}`,
            cureOf('-v', addressSpace.hard >= wanted || isRoot),
          ),
        );
      return findings.length > 0
        ? findings
        : [ok('none of file size and address space are in the way')];
    },
  };
}

/** How large a file this process may make; infinite without a limit. */
export async function fileSizeLimit(): Promise<number> {
  return limitIn((await textOf(LIMITS)) ?? '', 'Max file size').soft;
}

interface Limit {
  readonly soft: number;
  readonly hard: number;
}

/** Unlimited when nothing is told. */
function limitIn(text: string, name: string): Limit {
  const [, soft, hard] = new RegExp(`^${name} +(\\S+) +(\\S+)`, 'm').exec(text) ?? [];
  const bytes = (word: string | undefined) =>
    word !== undefined && /^\d+$/.test(word) ? Number(word) : Number.POSITIVE_INFINITY;
  return { soft: bytes(soft), hard: bytes(hard) };
}

function cureOf(flag: string, mayRaise: boolean) {
  return mayRaise
    ? { commands: [`ulimit ${flag} unlimited`] }
    : { advice: `Only an administrator can raise it (ulimit ${flag}; /etc/security/limits.conf).` };
}
