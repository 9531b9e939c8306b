/**
 * Writes the root file system: the finished tree as a tar in a fixed order, read by mke2fs, which lays
 * it down the same way each time. A mounted ext4 would place files by chance and time.
 */
import { mkdir, readdir, readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { PvmcError } from '../../system/error.ts';
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
    const { root: tree, scratch } = context.workspace;
    await endProgramsIn(context, tree);
    await context.workspace.holdsRoot.releaseAll();
    await refuseMountsBelow(tree);
    await makeMountPoints(tree);
    await levelFolderTimes(context, tree);
    const blocks = firstHalfBytes(partitions.rootBytes) / BLOCK_BYTES;
    await context.pipe(archive(context), [
      ...makeFileSystem(context),
      partitions.root,
      String(blocks),
    ]);
    await context.workspace.holdsScratch.releaseAll();
    await refuseMountsBelow(scratch);
    // Nothing of the scratch file system may be left under the part that the root now grows into.
    await erase(context, {
      fromBytes: blocks * BLOCK_BYTES,
      sizeBytes: scratchBytes(partitions.rootBytes),
    });
    await context.run(['resize2fs', '-f', partitions.root]);
    await context.run(['e2fsck', '-f', '-n', partitions.root]);
  },
};

/**
 * Makes a part of the root partition read as zeroes. Punching a hole gives a virtual disk's blocks back to
 * its host besides; what only zeroes would let the host keep them, empty: half the size of the disk.
 */
export async function erase(
  context: Context,
  { fromBytes, sizeBytes }: { readonly fromBytes: number; readonly sizeBytes: number },
): Promise<void> {
  const range = [
    `--offset=${fromBytes}`,
    `--length=${sizeBytes}`,
    context.workspace.partitions.root,
  ];
  const { status } = await context.run(['fallocate', '--punch-hole', ...range], { accept: [0, 1] });
  // A disk that cannot do that is written over.
  if (status !== 0) await context.run(['blkdiscard', '--zeroout', ...range]);
}

/** A script may have left a program running, which would go on to write. */
async function endProgramsIn(context: Context, tree: string): Promise<void> {
  for (const id of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const itsRoot = await readlink(`/proc/${id}/root`).catch(() => '');
    if (itsRoot !== tree) continue;
    const name = (await readFile(`/proc/${id}/comm`, 'utf8').catch(() => '')).trim();
    context.progress.notice(`${name} (process ${id}) still ran in the appliance; it was ended`);
    try {
      process.kill(Number(id), 'SIGKILL');
    } catch {
      // It has just ended by itself.
    }
  }
}

/** What is still mounted would be written to behind the back of what comes now. */
async function refuseMountsBelow(folder: string): Promise<void> {
  const mounts = (await readFile('/proc/self/mountinfo', 'utf8')).split('\n');
  const points = mounts.map((line) => line.split(' ')[4] ?? '');
  const left = points.filter((point) => point === folder || point.startsWith(`${folder}/`));
  if (left.length === 0) return;
  throw new PvmcError({
    kind: 'construct',
    code: 'root-busy',
    message: `the appliance's tree is still in use: ${left.join(', ')} could not be unmounted`,
    hint: 'Does a script leave a program running, or mount something? It has to end what it starts.',
  });
}

/** A folder of several packages has the time of whichever was unpacked last. */
async function levelFolderTimes(context: Context, tree: string): Promise<void> {
  const date = `@${context.manifest.sourceDateEpoch}`;
  const touch = ['-exec', 'touch', '--no-dereference', `--date=${date}`, '{}', '+'];
  await context.run(['find', tree, '-xdev', '-type', 'd', ...touch]);
}

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
