/**
 * Makes the scratch file system on the second half of the root partition. The packages are installed
 * there; the finished tree is then written as the root file system into the first half, in a fixed
 * order, which a mounted ext4 never gives. No second disk is needed, so metal works like a machine.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Context, Partitions, Step } from '../step.ts';

const MOUNT_POINT = '/run/pvmc/scratch';
const ALIGNMENT_BYTES = 2 ** 20;
/** A small disk would get too few by mke2fs's own rule: Debian's packages have many small files. */
const INODES = 400_000;

/** Bytes of the partition's first half, which the root file system is written into. */
export function firstHalfBytes(rootPartitionBytes: number): number {
  return Math.floor(rootPartitionBytes / 2 / ALIGNMENT_BYTES) * ALIGNMENT_BYTES;
}

/** Of a large disk on metal not all has to be erased afterwards. */
const MOST_BYTES = 64 * 2 ** 30;

/** Bytes behind the first half that the scratch file system takes. */
export function scratchBytes(rootPartitionBytes: number): number {
  return Math.min(rootPartitionBytes - firstHalfBytes(rootPartitionBytes), MOST_BYTES);
}

export const scratch: Step = {
  name: 'scratch',
  title: 'Prepare the scratch file system',
  plan: () => [
    'mke2fs and mount: a file system for the construction only, in the second half of the root partition',
  ],
  async run(context) {
    const { partitions } = context.workspace;
    const device = await attachSecondHalf(context, partitions);
    // Lives for one build: no journal, no reserve, nothing initialised that is not needed.
    const features = '^has_journal,^metadata_csum,^resize_inode,^orphan_file';
    await context.run([
      'mke2fs',
      '-qF',
      '-text4',
      `-O${features}`,
      '-m0',
      '-Enodiscard,lazy_itable_init=1',
      `-N${INODES}`,
      device,
    ]);
    await mkdir(MOUNT_POINT, { recursive: true });
    const options = 'noatime,nobarrier,noauto_da_alloc';
    await context.run(['mount', '-t', 'ext4', '-o', options, device, MOUNT_POINT]);
    context.workspace.holdsScratch.add('the scratch file system', async () => {
      await context.run(['umount', MOUNT_POINT]);
    });
    context.workspace.scratch = MOUNT_POINT;
    context.workspace.root = join(MOUNT_POINT, 'root');
    context.workspace.packages = join(MOUNT_POINT, 'packages');
    await mkdir(context.workspace.root);
    await mkdir(context.workspace.packages);
  },
};

async function attachSecondHalf(
  context: Context,
  { root, rootBytes }: Partitions,
): Promise<string> {
  const argv = [
    'losetup',
    '--find',
    '--show',
    `--offset=${firstHalfBytes(rootBytes)}`,
    `--sizelimit=${scratchBytes(rootBytes)}`,
    '--direct-io=on',
    root,
  ];
  const device = (await context.run(argv)).stdout.trim();
  context.workspace.holdsScratch.add('the loop device', async () => {
    await context.run(['losetup', '--detach', device]);
  });
  return device;
}
