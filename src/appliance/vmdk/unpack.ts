/** Writes the disk of a streamOptimized VMDK as a sparse raw file, and believes nothing that it reads. */
import { type FileHandle, open, rm } from 'node:fs/promises';
import { PvmcError, systemCodeOf } from '../../system/error.ts';
import type { Progress } from '../../system/progress.ts';
import { refuse } from '../broken.ts';
import type { PackageFile } from '../ova/members.ts';
import { explainingFailures } from '../partial-file.ts';
import { SECTOR_BYTES } from './format.ts';
import { GrainUnpacker } from './grain-unpacker.ts';
import { openVmdk, streamedGrains } from './stream.ts';

export interface PackedDisk extends PackageFile {
  /** What the descriptor of the package says. */
  readonly capacityBytes: number;
}

export interface UnpackTarget {
  readonly path: string;
  readonly progress: Progress;
}

/** @throws PvmcError `vmdk-invalid`, `vmdk-unfinished`, `disk-exists`, `output-full`, … */
export async function unpackVmdk(disk: PackedDisk, target: UnpackTarget): Promise<void> {
  const vmdk = await openVmdk(disk, disk.capacityBytes, refuse);
  const { capacitySectors } = vmdk.header;
  await withNewFile(target.path, async (raw) => {
    await raw.truncate(capacitySectors * SECTOR_BYTES);
    const { name } = disk;
    const unpacker = new GrainUnpacker({ file: raw, capacitySectors, name, report: refuse });
    try {
      for await (const grain of streamedGrains(vmdk, target.progress)) await unpacker.add(grain);
    } finally {
      await unpacker.settle();
    }
    await unpacker.finish();
  });
}

async function withNewFile(path: string, work: (file: FileHandle) => Promise<void>): Promise<void> {
  await explainingFailures(path, async () => {
    const file = await create(path);
    try {
      try {
        await work(file);
      } finally {
        await file.close();
      }
    } catch (thrown) {
      await rm(path, { force: true });
      throw thrown;
    }
  });
}

async function create(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'wx', 0o644);
  } catch (thrown) {
    if (systemCodeOf(thrown) !== 'EEXIST') throw thrown;
    throw new PvmcError({
      kind: 'host',
      code: 'disk-exists',
      message: `${path} exists already`,
      cause: thrown,
    });
  }
}
