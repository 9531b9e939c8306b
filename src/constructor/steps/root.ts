/**
 * Writes the root file system: the finished tree as a tar in a fixed order, read by mke2fs, which lays
 * it down the same way each time. A mounted ext4 would place files by chance and time.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Context, Step } from '../step.ts';
import { firstHalfBytes, scratchBytes } from './scratch.ts';

const BLOCK_BYTES = 4096;

export const root: Step = {
  name: 'root',
  title: 'Write the root file system',
  plan: ({ identifiers, sourceDateEpoch }) => [
    `tar --sort=name --clamp-mtime --mtime=@${sourceDateEpoch} | mke2fs -d -: ext4, UUID ${identifiers.rootUuid}`,
    'the scratch file system erased, resize2fs over the whole partition, e2fsck',
  ],
  async run(context) {
    const { partitions } = context.workspace;
    await context.workspace.holdsRoot.releaseAll();
    await makeMountPoints(context.workspace.root);
    const blocks = firstHalfBytes(partitions.rootBytes) / BLOCK_BYTES;
    await context.pipe(archive(context), [
      ...makeFileSystem(context),
      partitions.root,
      String(blocks),
    ]);
    await context.workspace.holdsScratch.releaseAll();
    // Nothing of the scratch file system may be left under the part that the root now grows into.
    await context.run([
      'blkdiscard',
      '--zeroout',
      `--offset=${blocks * BLOCK_BYTES}`,
      `--length=${scratchBytes(partitions.rootBytes)}`,
      partitions.root,
    ]);
    await context.run(['resize2fs', '-f', partitions.root]);
    await context.run(['e2fsck', '-f', '-n', partitions.root]);
  },
};

async function makeMountPoints(folder: string): Promise<void> {
  for (const name of ['dev', 'proc', 'sys', 'run', 'tmp', 'boot/efi']) {
    await mkdir(join(folder, name), { recursive: true });
  }
}

/** The tree as it will be: names sorted, numeric owners, nothing younger than the epoch. */
function archive(context: Context): string[] {
  return [
    'tar',
    '--create',
    '--file=-',
    `--directory=${context.workspace.root}`,
    '--format=pax',
    // Without these the archive carries the times and the process id of this very run.
    '--pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime',
    '--sort=name',
    '--numeric-owner',
    '--one-file-system',
    '--xattrs',
    '--xattrs-include=*',
    '--clamp-mtime',
    `--mtime=@${context.manifest.sourceDateEpoch}`,
    '.',
  ];
}

function makeFileSystem(context: Context): string[] {
  const { rootUuid, rootHashSeed } = context.manifest.identifiers;
  return [
    'mke2fs',
    '-qF',
    '-text4',
    `-b${BLOCK_BYTES}`,
    '-Lroot',
    `-U${rootUuid}`,
    `-Ehash_seed=${rootHashSeed},nodiscard,root_owner=0:0`,
    '-d-',
  ];
}
