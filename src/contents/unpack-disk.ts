/**
 * A disk of any format as a raw, sparse file. How large it becomes is known before: no file may fill a disk, or
 * keep anybody waiting for ever.
 */
import { rm, statfs } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { broken, quoted } from '../appliance/broken.ts';
import { type PackageFile, readExactly } from '../appliance/ova/members.ts';
import { PvmcError } from '../system/error.ts';
import type { Progress } from '../system/progress.ts';
import { run } from '../system/run.ts';
import { formatSize } from '../system/size.ts';
import { type ForeignFormat, LARGEST_DISK_BYTES, requireDiskSize } from './disk-format.ts';
import { measureZstd } from './zstd-frames.ts';

export interface PackedDisk {
  /** Of the file that it is in. */
  readonly path: string;
  readonly file: PackageFile;
  readonly format: ForeignFormat;
}

/**
 * Makes the file `target`, which is removed after a failure.
 * @throws PvmcError `disk-damaged`, `disk-backed`, `disk-too-large`, `unpack-full`; the signal's reason
 */
export async function unpackDisk(
  disk: PackedDisk,
  target: string,
  progress: Progress,
): Promise<void> {
  if (disk.format === 'qcow2') await requireAlone(disk.file);
  if (disk.format === 'vdi') await requireAllBlocks(disk.file);
  const mostBytes =
    disk.format === 'zst'
      ? await zstdBytes(disk, target, progress.signal)
      : await imageBytes(disk, progress.signal);
  const argv =
    disk.format === 'zst'
      ? ['zstd', '-d', '-q', '-f', '--sparse', '-o', target, disk.path]
      : ['qemu-img', 'convert', '-O', 'raw', '--image-opts', imageOptions(disk), target];
  try {
    await run(argv, {
      signal: progress.signal,
      log: (line, origin) => progress.log(line, origin),
      kind: 'input',
    });
  } catch (thrown) {
    await rm(target, { force: true });
    throw explained(thrown, disk, () =>
      unpackFull(disk.file, target, `up to ${formatSize(mostBytes)}`),
    );
  }
}

/** Of its blocks the last of each frame may be shorter, and there are frames of 16 MiB. */
const MOST_ZSTD_BYTES = LARGEST_DISK_BYTES + LARGEST_DISK_BYTES / 64;

async function zstdBytes(
  { file }: PackedDisk,
  target: string,
  signal: AbortSignal,
): Promise<number> {
  const { mostBytes, leastStoredBytes } = await measureZstd(file, MOST_ZSTD_BYTES, signal);
  if (mostBytes > MOST_ZSTD_BYTES) requireDiskSize(file.name, mostBytes);
  const { bavail, bsize } = await statfs(dirname(target));
  const needed = `at least ${formatSize(leastStoredBytes)}`;
  if (leastStoredBytes > bavail * bsize) throw unpackFull(file, target, needed);
  return mostBytes;
}

/** What a guest would see. */
async function imageBytes(disk: PackedDisk, signal: AbortSignal): Promise<number> {
  const argv = ['qemu-img', 'info', '--output=json', '--image-opts', imageOptions(disk)];
  try {
    const { stdout } = await run(argv, { signal, kind: 'input' });
    const said: { readonly 'virtual-size': number } = JSON.parse(stdout);
    requireDiskSize(disk.file.name, said['virtual-size']);
    // What is missing at the end would be read as zeros.
    const check = ['qemu-img', 'check', '-q', '--image-opts', imageOptions(disk)];
    await run(check, { signal, kind: 'input', accept: [0, ...HARMLESS_FINDINGS] });
    return said['virtual-size'];
  } catch (thrown) {
    throw explained(thrown, disk);
  }
}

/** Clusters that nobody uses; a format that has nothing to be checked. */
const HARMLESS_FINDINGS = [3, 63];

/** The file, or the part of it that the disk is; nothing in its name is taken for a protocol. */
function imageOptions({ path, file, format }: PackedDisk): string {
  const name = resolve(path).replaceAll(',', ',,');
  if (file.offset === 0) return `driver=${format},file.driver=file,file.filename=${name}`;
  const sizeBytes = Math.ceil(file.sizeBytes / SECTOR_BYTES) * SECTOR_BYTES;
  return [
    `driver=${format}`,
    `file.driver=raw,file.offset=${file.offset},file.size=${sizeBytes}`,
    `file.file.driver=file,file.file.filename=${name}`,
  ].join(',');
}

const SECTOR_BYTES = 512;

/** What a program says of a file is about the file, or about the room for what comes out of it. */
function explained(thrown: unknown, { file }: PackedDisk, full?: () => PvmcError): unknown {
  if (!(thrown instanceof PvmcError) || thrown.code !== 'program-failed') return thrown;
  const said = thrown.details.join('\n');
  if (full && /No space left on device|Disk quota exceeded|File too large/.test(said))
    return full();
  return broken({
    code: 'disk-damaged',
    message: `${quoted(file.name)} is damaged: ${thrown.message}`,
    // zstd begins its lines with as much of the path as it finds room for.
    details: thrown.details.map((line) => line.replace(/^.* : /, '')),
    hint: 'Copy or download it again.',
    cause: thrown,
  });
}

/** Where a file has no room, and what it takes. */
export function unpackFull({ name }: PackageFile, target: string, needed: string): PvmcError {
  const folder = dirname(target);
  return new PvmcError({
    kind: 'host',
    code: 'unpack-full',
    message: `there is no room in ${folder} to unpack ${quoted(name)}: it takes ${needed}, less where it is empty`,
    hint: 'Free some space there, or name another folder: TMPDIR=FOLDER for pvmc diff and show, --output for verify.',
  });
}

/** A file that names another one would have that read too: any file of this computer. */
async function requireAlone({ file, offset, name, sizeBytes }: PackageFile): Promise<void> {
  if (sizeBytes < QCOW2_HEADER_BYTES) return;
  const header = await readExactly(file, offset, QCOW2_HEADER_BYTES);
  const hasFeatures = header.readUInt32BE(4) >= 3;
  const isPart =
    header.readBigUInt64BE(8) !== 0n ||
    (hasFeatures && (header.readBigUInt64BE(72) & DATA_ELSEWHERE) !== 0n);
  if (!isPart) return;
  throw broken({
    code: 'disk-backed',
    message: `${quoted(name)} is only a part of a disk: the rest is in another file`,
    hint: 'Convert it with `qemu-img convert` to one file, if you trust it, and give that.',
  });
}

/** As far as the features, of version 3. */
const QCOW2_HEADER_BYTES = 80;
const DATA_ELSEWHERE = 0x4n;

/** Of a VDI that is cut off qemu-img would read zeros, and find nothing wrong. */
async function requireAllBlocks({ file, offset, name, sizeBytes }: PackageFile): Promise<void> {
  if (sizeBytes < VDI_HEADER_BYTES) return;
  const header = await readExactly(file, offset, VDI_HEADER_BYTES);
  const [data, blockBytes, blocks] = [344, 376, 388].map((at) => header.readUInt32LE(at));
  if ((data ?? 0) + (blockBytes ?? 0) * (blocks ?? 0) <= sizeBytes) return;
  throw broken({
    code: 'disk-damaged',
    message: `${quoted(name)} is cut off: its last blocks are missing`,
    hint: 'Copy or download it again.',
  });
}

const VDI_HEADER_BYTES = 512;
