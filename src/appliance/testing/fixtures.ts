/** Small disks and appliances for the tests. */
import { createHash, randomBytes } from 'node:crypto';
import { type FileHandle, mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Manifest, manifestSchema } from '../../manifest/schema.ts';
import { PvmcError } from '../../system/error.ts';
import { type Progress, quietProgress } from '../../system/progress.ts';
import { run } from '../../system/run.ts';
import { type ExportedFile, type ExportRequest, exportAppliance } from '../export.ts';

const MIB = 2 ** 20;
/** Ends within a grain, but with a sector. */
export const DISK_BYTES = 20 * MIB + 3 * 512;

/** A folder that is removed when it is disposed of. */
export async function temporaryFolder(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'pvmc-appliance-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

/** A sparse disk with a file system, noise, a pattern, and data in its last sectors. */
export async function makeDisk(path: string): Promise<void> {
  const file = await open(path, 'w');
  try {
    await file.truncate(DISK_BYTES);
    await file.write(randomBytes(MIB / 2 + 100), 0, undefined, 9 * MIB + 4096);
    await file.write(Buffer.alloc(3 * MIB, 'pattern '), 0, undefined, 12 * MIB);
    await file.write(Buffer.alloc(700, 0x55), 0, undefined, DISK_BYTES - 700);
  } finally {
    await file.close();
  }
  await run(['mke2fs', '-q', '-F', '-t', 'ext4', '-d', import.meta.dirname, path, '8m']);
}

/** A sparse disk whose every bit is known: noise, text and zeros that are written down, over two grain tables. */
export async function makeKnownDisk(path: string): Promise<void> {
  const noise = Array.from({ length: 9000 }, (_, index) =>
    createHash('sha256').update(String(index)).digest(),
  );
  const text = Array.from({ length: 60_000 }, (_, index) => `${index * 7} is ${index} times 7\n`);
  const file = await open(path, 'w');
  try {
    await file.truncate(40 * MIB + 3 * 512);
    await file.write(Buffer.concat(noise), 0, undefined, 3 * MIB + 4096);
    await file.write(Buffer.from(text.join('')), 0, undefined, 9 * MIB + 512);
    await file.write(Buffer.alloc(2 * MIB), 0, undefined, 20 * MIB);
    await file.write(Buffer.alloc(700, 0x55), 0, undefined, 40 * MIB + 3 * 512 - 700);
  } finally {
    await file.close();
  }
}

export function makeManifest(changes: object = {}): Manifest {
  return manifestSchema.parse({ name: 'tiny', version: '1.0', ...changes });
}

/** Exports a raw disk as `tiny-1.0`, in the given formats, to the given folder. */
export async function exportTiny(
  request: Pick<ExportRequest, 'diskPath' | 'outputFolder'> & Partial<ExportRequest>,
  progress: Progress = quietProgress(),
): Promise<readonly ExportedFile[]> {
  return exportAppliance(
    {
      manifest: makeManifest(),
      diskFormat: 'raw',
      baseName: 'tiny-1.0',
      formats: ['ova'],
      sourceDateEpoch: 1_760_000_000,
      ...request,
    },
    progress,
  );
}

/** The code of the PvmcError that `work` fails with. */
export async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (thrown) {
    if (thrown instanceof PvmcError) return thrown.code;
    throw thrown;
  }
  return 'no failure';
}

/** Writes a file of its own for `work`, then removes it. */
export async function withFile<Result>(
  path: string,
  work: (file: FileHandle) => Promise<Result>,
): Promise<Result> {
  const file = await open(path, 'w+');
  try {
    return await work(file);
  } finally {
    await file.close();
  }
}
