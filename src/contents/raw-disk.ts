/** The disk in a file, as what a machine can boot from: a raw disk. */
import { open, rm } from 'node:fs/promises';
import { broken, quoted } from '../appliance/broken.ts';
import { type PackageFile, readExactly } from '../appliance/ova/members.ts';
import { explainingFailures } from '../appliance/partial-file.ts';
import { SECTOR_BYTES } from '../appliance/vmdk/format.ts';
import { writeWhole } from '../appliance/write-whole.ts';
import type { Progress } from '../system/progress.ts';
import { openPackage, type PackageKind } from './appliance-contents.ts';
import { isZero, PAGE_BYTES } from './byte-source.ts';
import { diskFormatOf, FORMAT_NAMES } from './disk-format.ts';
import { type DiskImage, openRawPart, openVmdkImage } from './disk-image.ts';
import { unpackDisk } from './unpack-disk.ts';

export interface RawDisk {
  readonly path: string;
  /** What it was before, in words: `qcow2`, `Vagrant box with a VMDK`. */
  readonly from: string;
}

/**
 * The file itself if it is raw, else made at `target`, with holes.
 * @throws PvmcError of the kind `input` for what cannot be read: `disk-damaged`, `vmdk-invalid`, `box-invalid`, …;
 * `unpack-full`, `output-full`; the signal's reason
 */
export async function rawDiskOf(
  path: string,
  target: string,
  progress: Progress,
): Promise<RawDisk> {
  await using opened = await openPackage(path, progress);
  const { disk: file, kind } = opened;
  const format = await diskFormatOf(file);
  const from = words(kind, FORMAT_NAMES[format]);
  if (format === 'raw' && kind === undefined) {
    await requireBootSector(file);
    return { path, from };
  }
  if (format === 'vmdk') await copy(await openVmdkImage(file), target, progress);
  else if (format === 'raw') await copy(openRawPart(file), target, progress);
  else await unpackDisk({ path: opened.path, file, format }, target, progress);
  return { path: target, from };
}

/** A text, an archive or a file system would be booted for minutes before anybody knew. */
async function requireBootSector({ name, file, offset, sizeBytes }: PackageFile): Promise<void> {
  const end =
    sizeBytes < SECTOR_BYTES ? undefined : await readExactly(file, offset + SIGNATURE_AT, 2);
  if (end?.readUInt16BE(0) === SIGNATURE) return;
  throw broken({
    code: 'disk-not-bootable',
    message: `${quoted(name)} is no disk that can boot: its first sector has no boot signature`,
    hint: 'Give an OVA, an OVF, a Vagrant box or the disk of a machine.',
  });
}

/** BIOSes ask for it, and every partition table has it. */
const SIGNATURE_AT = 510;
const SIGNATURE = 0x55aa;

function words(kind: PackageKind | undefined, format: string): string {
  return kind === undefined ? format : `${kind} with a disk that is ${format}`;
}

async function copy(image: DiskImage, target: string, progress: Progress): Promise<void> {
  const { sizeBytes } = image.source;
  try {
    await explainingFailures(target, async () => {
      await using file = await open(target, 'wx');
      await file.truncate(sizeBytes);
      for (let start = 0; start < sizeBytes; start += PAGE_BYTES) {
        progress.signal.throwIfAborted();
        if ((await image.stored(start / PAGE_BYTES)) === undefined) continue;
        const bytes = await image.source.read(start, Math.min(PAGE_BYTES, sizeBytes - start));
        if (!isZero(bytes)) await writeWhole(file, bytes, start);
        progress.amount({ done: start, total: sizeBytes, unit: 'bytes' });
      }
    });
  } catch (thrown) {
    await rm(target, { force: true });
    throw thrown;
  }
}
