/** Whether this computer, or the container that we run in, can give the machine its memory. */
import { freemem, totalmem } from 'node:os';
import { join } from 'node:path';
import { formatSize } from '../../system/size.ts';
import { numberOf, textOf } from '../facts.ts';
import { type Check, type Finding, ok, problem, warning } from '../finding.ts';

export interface MemoryNeeds {
  readonly memoryBytes: number;
  /** For tests: where /proc and /sys/fs/cgroup are. */
  readonly procFolder?: string;
  readonly cgroupFolder?: string;
}

/** QEMU's own memory, its translated code under emulation, and ours. */
const BESIDE_THE_GUEST = 512 * 2 ** 20;

export function memory(needs: MemoryNeeds): Check {
  return {
    name: 'memory',
    ifItHangs: 'warning',
    look: async () => {
      const { procFolder = '/proc', cgroupFolder = '/sys/fs/cgroup' } = needs;
      const computer = (await ofComputer(procFolder)) ?? asNodeSays();
      const container = await ofControlGroup(procFolder, cgroupFolder);
      return [judge(needs.memoryBytes, [computer, container ?? []].flat())];
    },
  };
}

interface Memory {
  readonly of: string;
  readonly availableBytes: number;
  readonly totalBytes: number;
}

function judge(guestBytes: number, memories: readonly Memory[]): Finding {
  const tightest = memories.reduce((least, each) =>
    each.availableBytes < least.availableBytes ? each : least,
  );
  const tooSmall = memories.find(({ totalBytes }) => totalBytes < guestBytes);
  const wanted = `the machine wants ${formatSize(guestBytes)}`;
  if (tooSmall)
    return problem(`${wanted}, and ${tooSmall.of} has ${formatSize(tooSmall.totalBytes)} in all`, {
      advice: 'Give `machine.memory` less in the manifest, or build on a larger computer.',
    });
  const free = `${formatSize(tightest.availableBytes)} of ${tightest.of} are available`;
  if (tightest.availableBytes < guestBytes + BESIDE_THE_GUEST)
    return warning(`${wanted} and QEMU some more, and only ${free}`, {
      advice: 'End other programs, or give `machine.memory` less; these take the most:',
      commands: ['ps -eo rss,pid,args --sort=-rss | head'],
    });
  return ok(`${free}; ${wanted}`);
}

async function ofComputer(procFolder: string): Promise<Memory | undefined> {
  const text = await textOf(join(procFolder, 'meminfo'));
  const kib = (name: string) =>
    Number(new RegExp(`^${name}: +(\\d+) kB$`, 'm').exec(text ?? '')?.[1] ?? Number.NaN) * 1024;
  const swap = kib('SwapFree') || 0;
  const availableBytes = kib('MemAvailable') + swap;
  if (Number.isNaN(availableBytes)) return undefined;
  return {
    of: 'this computer',
    availableBytes,
    totalBytes: kib('MemTotal') + (kib('SwapTotal') || 0),
  };
}

/** Where the kernel is not Linux, or does not tell. */
function asNodeSays(): Memory {
  return { of: 'this computer', availableBytes: freemem(), totalBytes: totalmem() };
}

/** The two versions of control groups: where they are, and how they name their limit and their use. */
const CONTROL_GROUPS = [
  { line: /^0::(.*)$/m, below: '', limit: 'memory.max', used: 'memory.current' },
  {
    line: /^\d+:(?:[^:]*,)?memory(?:,[^:]*)?:(.*)$/m,
    below: 'memory',
    limit: 'memory.limit_in_bytes',
    used: 'memory.usage_in_bytes',
  },
] as const;

/** The tightest limit of our group and those above it; undefined without any. */
async function ofControlGroup(procFolder: string, root: string): Promise<Memory | undefined> {
  const own = (await textOf(join(procFolder, 'self/cgroup'))) ?? '';
  const limits: Memory[] = [];
  for (const { line, below, limit, used } of CONTROL_GROUPS) {
    const path = line.exec(own)?.[1];
    if (path === undefined) continue;
    for (const folder of foldersUp(path).map((group) => join(root, below, group))) {
      const totalBytes = await numberOf(join(folder, limit));
      // The first version has a number near 2^63 for none.
      if (totalBytes === undefined || totalBytes > 2 ** 60) continue;
      const taken = ((await numberOf(join(folder, used))) ?? 0) - (await cachedBytes(folder));
      limits.push({ of: 'this container', availableBytes: totalBytes - taken, totalBytes });
    }
  }
  return limits.sort((a, b) => a.availableBytes - b.availableBytes)[0];
}

/** `/a/b`, `/a`, `/`. In a container the path may be that of outside, so the root counts too. */
function foldersUp(path: string): readonly string[] {
  const parts = path.split('/').filter((part) => part !== '' && part !== '..');
  return parts.map((_, index) => `/${parts.slice(0, parts.length - index).join('/')}`).concat('/');
}

/** What files keep in memory counts as used, and is given back at once. */
async function cachedBytes(folder: string): Promise<number> {
  const text = (await textOf(join(folder, 'memory.stat'))) ?? '';
  return ['inactive_file', 'active_file']
    .map((name) => Number(new RegExp(`^(?:total_)?${name} (\\d+)$`, 'm').exec(text)?.[1] ?? 0))
    .reduce((sum, bytes) => sum + bytes, 0);
}
