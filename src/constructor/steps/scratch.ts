/**
 * Makes the scratch file system on the second half of the root partition. The packages are installed
 * there; the finished tree is then written as the root file system into the first half, in a fixed
 * order, which a mounted ext4 never gives. No second disk is needed, so metal works like a machine.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { scratchUuid } from '../../manifest/input-keys.ts';
import { readState } from '../record.ts';
import type { InstallContext, Partitions, Step } from '../step.ts';

export const SCRATCH_MOUNT = '/run/pvmc/scratch';
/** A person who looks at the disk sees whose it is. */
export const SCRATCH_LABEL = 'pvmc-scratch';
/** Folder of log and state in the scratch file system. */
export const RECORD_FOLDER = 'pvmc';
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

export const scratch: Step<InstallContext> = {
  name: 'scratch',
  title: 'Prepare the scratch file system',
  plan: () => [
    'mke2fs and mount: a file system for the construction only, in the second half of the root partition',
  ],
  async run(context) {
    const device = await attachSecondHalf(context, context.workspace.partitions);
    // Lives for one build: no journal, no reserve, nothing initialised that is not needed.
    const features = '^has_journal,^metadata_csum,^resize_inode,^orphan_file';
    await context.run([
      'mke2fs',
      '-qF',
      '-text4',
      `-O${features}`,
      '-m0',
      '-Enodiscard,lazy_itable_init=1',
      `-L${SCRATCH_LABEL}`,
      `-U${scratchUuid(context.manifest)}`,
      `-N${INODES}`,
      device,
    ]);
    await mountScratch(context, device);
    await mkdir(context.workspace.root);
    await mkdir(context.workspace.packages);
  },
};

/** Opens the scratch file system that the disk has already. */
export async function openScratch(context: InstallContext): Promise<void> {
  await mountScratch(context, await attachSecondHalf(context, context.workspace.partitions));
}

async function mountScratch(context: InstallContext, device: string): Promise<void> {
  const { workspace, record } = context;
  await mkdir(SCRATCH_MOUNT, { recursive: true });
  const options = 'noatime,nobarrier,noauto_da_alloc';
  await context.run(['mount', '-t', 'ext4', '-o', options, device, SCRATCH_MOUNT]);
  workspace.holdsScratch.add('the scratch file system', async () => {
    await context.run(['umount', SCRATCH_MOUNT]);
  });
  workspace.scratch = SCRATCH_MOUNT;
  workspace.root = join(SCRATCH_MOUNT, 'root');
  workspace.packages = join(SCRATCH_MOUNT, 'packages');
  const folder = join(SCRATCH_MOUNT, RECORD_FOLDER);
  record.takeOver(readState(folder)?.steps ?? []);
  await record.keepOnDisk(folder);
  workspace.holdsScratch.add('the log on the disk', () => record.leaveDisk());
}

async function attachSecondHalf(
  context: InstallContext,
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
