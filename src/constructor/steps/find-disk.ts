/**
 * Finds the disk to build on by what it is, never by its name: a writable, fixed, whole disk that is
 * large enough and empty, or that holds exactly a checkpoint of ours. One that holds anything else is
 * somebody's and is refused, unless whoever boots the medium names it in as many words.
 */
import { open, readFile, realpath } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { PvmcError } from '../../system/error.ts';
import { formatSize } from '../../system/size.ts';
import { isCheckpoint } from '../checkpoint.ts';
import type { InstallContext, Programs, Step } from '../step.ts';

export interface BlockDevice {
  readonly path: string;
  readonly type: string;
  readonly size: number;
  readonly ro: boolean;
  readonly rm: boolean;
  readonly model: string | null;
  readonly serial: string | null;
}

export const findDisk: Step<InstallContext> = {
  name: 'find-disk',
  title: 'Find the disk',
  plan: ({ appliance }) => [
    `an empty, fixed, writable disk of at least ${formatSize(appliance.machine.disk)}; one that holds anything is refused`,
  ],
  async run(context) {
    const large = await largeDisks(context);
    const named = bootParameter(await readFile('/proc/cmdline', 'utf8'), ERASE_PARAMETER);
    const { disk, found } =
      named === undefined
        ? await onlyUsableDisk(context, large)
        : { disk: await diskToErase(named, large), found: 'nothing' as const };
    context.progress.log(`the disk is ${describe(disk)}`);
    if (named !== undefined) await context.run(['wipefs', '--all', '--force', disk.path]);
    context.workspace.disk = disk.path;
    context.workspace.found = found;
  },
};

/** On the kernel's command line, with the disk's path: the words that allow to erase it. */
const ERASE_PARAMETER = 'pvmc.erase-disk';

/** The value of the last `name=value` among a kernel's parameters. */
export function bootParameter(commandLine: string, name: string): string | undefined {
  const found = commandLine
    .trim()
    .split(/\s+/)
    .findLast((word) => word.startsWith(`${name}=`));
  return found?.slice(name.length + 1);
}

interface Usable {
  readonly disk: BlockDevice;
  readonly found: 'nothing' | 'checkpoint';
}

/** A checkpoint says itself that it is meant; among empty disks there must be no choice. */
async function onlyUsableDisk(
  context: InstallContext,
  disks: readonly BlockDevice[],
): Promise<Usable> {
  const usable: Usable[] = [];
  for (const disk of disks) {
    if (await isEmpty(context, disk)) usable.push({ disk, found: 'nothing' });
    else if (await isCheckpoint(context, disk)) usable.push({ disk, found: 'checkpoint' });
  }
  const checkpoints = usable.filter(({ found }) => found === 'checkpoint');
  const candidates = checkpoints.length > 0 ? checkpoints : usable;
  const [one, second] = candidates;
  if (one === undefined) throw notEmpty(disks);
  if (second !== undefined) throw ambiguous(candidates.map(({ disk }) => disk));
  return one;
}

async function diskToErase(path: string, disks: readonly BlockDevice[]): Promise<BlockDevice> {
  const real = await realpath(path).catch(() => path);
  const disk = disks.find((one) => one.path === real);
  if (disk === undefined) throw notThere(path, disks);
  return disk;
}

/** Controllers of real machines may take some seconds to show their disks. */
const PATIENCE_SECONDS = 15;

async function largeDisks(context: InstallContext): Promise<BlockDevice[]> {
  const wantedBytes = context.manifest.appliance.machine.disk;
  for (let second = 0; ; second += 1) {
    const disks = (await wholeDisks(context)).filter(({ ro, rm }) => !ro && !rm);
    const large = disks.filter((disk) => disk.size >= wantedBytes);
    if (large.length > 0) return large;
    if (second === PATIENCE_SECONDS) throw noDisk(disks, wantedBytes);
    await sleep(1000, undefined, { signal: context.progress.signal });
  }
}

/** All whole disks, whatever they hold. */
export async function wholeDisks(programs: Programs): Promise<BlockDevice[]> {
  const columns = 'PATH,TYPE,SIZE,RO,RM,MODEL,SERIAL';
  const argv = ['lsblk', '--json', '--bytes', '--nodeps', '--output', columns];
  const { stdout } = await programs.run(argv, { output: 'quiet' });
  const listed = JSON.parse(stdout) as { readonly blockdevices: readonly BlockDevice[] };
  return listed.blockdevices.filter(({ type, size }) => type === 'disk' && size > 0);
}

/** Looked at, at the start and at the end: partition tables and most file systems begin there. */
const LOOKED_AT_BYTES = 2 ** 20;

/** No signature that is known, and nothing but zeros where things begin and end. */
async function isEmpty(context: InstallContext, disk: BlockDevice): Promise<boolean> {
  const known = await context.run(['wipefs', '--noheadings', disk.path], { output: 'quiet' });
  if (known.stdout.trim() !== '') return false;
  const device = await open(disk.path, 'r');
  try {
    for (const position of [0, disk.size - LOOKED_AT_BYTES]) {
      const block = Buffer.alloc(LOOKED_AT_BYTES);
      await device.read(block, 0, block.length, Math.max(0, position));
      if (block.some((byte) => byte !== 0)) return false;
    }
    return true;
  } finally {
    await device.close();
  }
}

export function describe(disk: BlockDevice): string {
  const name = [disk.model, disk.serial].filter((part) => part !== null).join(' ');
  return `${disk.path} (${name === '' ? '' : `${name}, `}${formatSize(disk.size)})`;
}

function noDisk(disks: readonly BlockDevice[], wantedBytes: number): PvmcError {
  return new PvmcError({
    kind: 'construct',
    code: 'no-disk',
    message: `no disk of at least ${formatSize(wantedBytes)} was found`,
    details: disks.map((disk) => `seen: ${describe(disk)}`),
    hint: 'Attach a disk of the size that machine.disk of the manifest names.',
  });
}

function notThere(path: string, disks: readonly BlockDevice[]): PvmcError {
  return new PvmcError({
    kind: 'construct',
    code: 'no-disk',
    message: `${path}, which ${ERASE_PARAMETER} names, is no fixed, writable disk that is large enough`,
    details: disks.map((disk) => `seen: ${describe(disk)}`),
    hint: `Boot the medium again, and name one of these: ${ERASE_PARAMETER}=/dev/DISK.`,
  });
}

function notEmpty(disks: readonly BlockDevice[]): PvmcError {
  return new PvmcError({
    kind: 'construct',
    code: 'disk-not-empty',
    message: `${disks.map((disk) => disk.path).join(', ')} is not empty, and pvmc erases nothing that it was not told to`,
    details: disks.map((disk) => `seen: ${describe(disk)}`),
    hint: `Attach an empty disk; or, to have a disk erased, boot the medium with ${ERASE_PARAMETER}=/dev/DISK on the kernel’s command line: hold Shift as the machine starts, then press e.`,
  });
}

function ambiguous(disks: readonly BlockDevice[]): PvmcError {
  return new PvmcError({
    kind: 'construct',
    code: 'disk-ambiguous',
    message: `${disks.length} disks can be built on, and nothing says which to use`,
    details: disks.map((disk) => `seen: ${describe(disk)}`),
    hint: 'Leave only one of them attached.',
  });
}
