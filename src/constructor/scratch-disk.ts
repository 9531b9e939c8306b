/** Looks for the scratch file system of a construction on a disk, and into it. Changes nothing there. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Releases } from '../system/releases.ts';
import { type ConstructionState, readState } from './record.ts';
import type { Programs } from './step.ts';
import type { BlockDevice } from './steps/find-disk.ts';
import { isOurLayout, readPartitions, SECTOR_BYTES } from './steps/partition.ts';
import { firstHalfBytes, RECORD_FOLDER, SCRATCH_LABEL, scratchBytes } from './steps/scratch.ts';

export interface ScratchOnDisk {
  readonly uuid: string;
  readonly disk: string;
  readonly offsetBytes: number;
  readonly sizeBytes: number;
}

/** The scratch file system of a construction, whosever it is, if the disk has one in its place. */
export async function scratchOn(
  programs: Programs,
  disk: Pick<BlockDevice, 'path' | 'size'>,
): Promise<ScratchOnDisk | undefined> {
  const partitions = await readPartitions(programs, disk.path).catch(() => undefined);
  if (!partitions || !isOurLayout(partitions, disk.size)) return undefined;
  const { rootFirstSector, rootBytes } = partitions;
  const offsetBytes = rootFirstSector * SECTOR_BYTES + firstHalfBytes(rootBytes);
  const probe = ['blkid', '--probe', '--output', 'export', `--offset=${offsetBytes}`, disk.path];
  // 2: there is nothing that it knows.
  const { stdout } = await programs.run(probe, { output: 'quiet', accept: [0, 2] });
  const tags = new Map(stdout.split('\n').map((line) => tagOf(line)));
  const uuid = tags.get('UUID');
  if (tags.get('LABEL') !== SCRATCH_LABEL || uuid === undefined) return undefined;
  return { uuid, disk: disk.path, offsetBytes, sizeBytes: scratchBytes(rootBytes) };
}

function tagOf(line: string): [string, string] {
  const equals = line.indexOf('=');
  return [line.slice(0, equals), line.slice(equals + 1)];
}

const LOOK_MOUNT = '/run/pvmc/look';

/** Mounts a scratch file system, for reading only, while somebody looks into it. */
export async function lookInto<T>(
  programs: Programs,
  { disk, offsetBytes, sizeBytes }: ScratchOnDisk,
  look: (folder: string) => Promise<T> | T,
): Promise<T> {
  await using releases = new Releases();
  const where = [`--offset=${offsetBytes}`, `--sizelimit=${sizeBytes}`, disk];
  const losetup = ['losetup', '--find', '--show', '--read-only', ...where];
  const device = (await programs.run(losetup, { output: 'quiet' })).stdout.trim();
  releases.add('the loop device', async () => {
    await programs.run(['losetup', '--detach', device], { output: 'quiet' });
  });
  await mkdir(LOOK_MOUNT, { recursive: true });
  await programs.run(['mount', '-t', 'ext4', '-o', 'ro', device, LOOK_MOUNT], { output: 'quiet' });
  releases.add('the scratch file system', async () => {
    await programs.run(['umount', LOOK_MOUNT], { output: 'quiet' });
  });
  return await look(LOOK_MOUNT);
}

/** What a construction has left on a disk. */
export async function stateOn(
  programs: Programs,
  scratch: ScratchOnDisk,
): Promise<ConstructionState | undefined> {
  return lookInto(programs, scratch, (folder) => readState(join(folder, RECORD_FOLDER)));
}
