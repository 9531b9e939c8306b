/**
 * Finds the disk to build on by what it is, never by its name: a writable, fixed, whole disk that is
 * large enough and empty. A disk that holds anything is somebody's and is refused.
 */
import { open } from 'node:fs/promises';
import { PvmcError } from '../../system/error.ts';
import { formatSize } from '../../system/size.ts';
import type { Context, Step } from '../step.ts';

interface BlockDevice {
  readonly path: string;
  readonly type: string;
  readonly size: number;
  readonly ro: boolean;
  readonly rm: boolean;
  readonly model: string | null;
  readonly serial: string | null;
}

export const findDisk: Step = {
  name: 'find-disk',
  title: 'Find the disk',
  plan: ({ appliance }) => [
    `an empty, fixed, writable disk of at least ${formatSize(appliance.machine.disk)}; one that holds anything is refused`,
  ],
  async run(context) {
    const disks = await wholeDisks(context);
    const wantedBytes = context.manifest.appliance.machine.disk;
    const large = disks.filter((disk) => disk.size >= wantedBytes);
    if (large.length === 0) throw noDisk(disks, wantedBytes);
    const empty: BlockDevice[] = [];
    for (const disk of large) {
      if (await isEmpty(context, disk)) empty.push(disk);
    }
    const [disk, second] = empty;
    if (disk === undefined) throw notEmpty(large);
    if (second !== undefined) throw ambiguous(empty);
    context.progress.log(`the disk is ${describe(disk)}`);
    context.workspace.disk = disk.path;
  },
};

async function wholeDisks(context: Context): Promise<BlockDevice[]> {
  const columns = 'PATH,TYPE,SIZE,RO,RM,MODEL,SERIAL';
  const argv = ['lsblk', '--json', '--bytes', '--nodeps', '--output', columns];
  const { stdout } = await context.run(argv, { output: 'quiet' });
  const listed = JSON.parse(stdout) as { readonly blockdevices: readonly BlockDevice[] };
  return listed.blockdevices.filter(
    (device) => device.type === 'disk' && !device.ro && !device.rm && device.size > 0,
  );
}

/** Looked at, at the start and at the end: partition tables and most file systems begin there. */
const LOOKED_AT_BYTES = 2 ** 20;

/** No signature that is known, and nothing but zeros where things begin and end. */
async function isEmpty(context: Context, disk: BlockDevice): Promise<boolean> {
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

function describe(disk: BlockDevice): string {
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

function notEmpty(disks: readonly BlockDevice[]): PvmcError {
  return new PvmcError({
    kind: 'construct',
    code: 'disk-not-empty',
    message: `${disks.map((disk) => disk.path).join(', ')} is not empty, and pvmc erases nothing that it was not told to`,
    details: disks.map((disk) => `seen: ${describe(disk)}`),
    hint: 'Attach an empty disk, or erase this one yourself: wipefs --all DISK, then blkdiscard --zeroout DISK.',
  });
}

function ambiguous(disks: readonly BlockDevice[]): PvmcError {
  return new PvmcError({
    kind: 'construct',
    code: 'disk-ambiguous',
    message: `${disks.length} empty disks are large enough, and nothing says which to use`,
    details: disks.map((disk) => `seen: ${describe(disk)}`),
    hint: 'Leave only one of them attached.',
  });
}
