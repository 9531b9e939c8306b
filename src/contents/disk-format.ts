/** What a disk's file is, by its own bytes: names may lie. */
import { broken, quoted } from '../appliance/broken.ts';
import { type PackageFile, readExactly } from '../appliance/ova/members.ts';
import { SECTOR_BYTES } from '../appliance/vmdk/format.ts';
import { formatSize } from '../system/size.ts';

/** Formats that are unpacked first, by how their files begin. */
const FOREIGN = [
  { magic: 'QFI\u00fb', format: 'qcow2' },
  { magic: 'vhdxfile', format: 'vhdx' },
  { magic: '<<< ', format: 'vdi' },
  { magic: 'conectix', format: 'vpc' },
  { magic: '\x28\u00b5\x2f\u00fd', format: 'zst' },
] as const;

export type ForeignFormat = (typeof FOREIGN)[number]['format'];
export type DiskFormat = 'vmdk' | 'raw' | ForeignFormat;

/** Files that hold a disk, and would be taken for a raw one. */
const PACKED = [
  { magic: '\x1f\u008b', by: 'gzip', unpack: 'gzip -d' },
  { magic: '\u00fd7zXZ\0', by: 'xz', unpack: 'xz -d' },
  { magic: 'BZh', by: 'bzip2', unpack: 'bzip2 -d' },
  { magic: 'PK\x03\x04', by: 'zip', unpack: 'unzip' },
] as const;

/** As users call them. */
export const FORMAT_NAMES: Readonly<Record<DiskFormat, string>> = {
  vmdk: 'VMDK',
  raw: 'raw',
  qcow2: 'qcow2',
  vhdx: 'VHDX',
  vdi: 'VDI',
  vpc: 'VHD',
  zst: 'raw, packed by zstd',
};

/**
 * By the file's beginning or, for a fixed VHD, its end.
 * @throws PvmcError `disk-packed`; `disk-backed` for a VMDK whose data are in other files
 */
export async function diskFormatOf(disk: PackageFile): Promise<DiskFormat> {
  const { file, sizeBytes, offset } = disk;
  const begin = await readExactly(file, offset, Math.min(SECTOR_BYTES, sizeBytes));
  const words = begin.toString('latin1');
  if (words.startsWith('KDMV')) return 'vmdk';
  const known = FOREIGN.find(({ magic }) => words.startsWith(magic));
  if (known) return known.format;
  requireDisk(disk, words);
  if (sizeBytes < SECTOR_BYTES) return 'raw';
  const end = await readExactly(file, offset + sizeBytes - SECTOR_BYTES, SECTOR_BYTES);
  return end.toString('latin1').startsWith('conectix') ? 'vpc' : 'raw';
}

function requireDisk({ name }: PackageFile, begin: string): void {
  if (/^\s*# Disk DescriptorFile/i.test(begin)) {
    throw broken({
      code: 'disk-backed',
      message: `${quoted(name)} only describes a VMDK: its data are in other files`,
      hint: 'Convert it to one file: `qemu-img convert -O qcow2 NAME.vmdk NAME.qcow2`, if you trust it.',
    });
  }
  const packed = PACKED.find(({ magic }) => begin.startsWith(magic));
  if (!packed) return;
  throw broken({
    code: 'disk-packed',
    message: `${quoted(name)} is packed by ${packed.by}, which pvmc does not unpack`,
    hint: `Unpack it first (\`${packed.unpack}\`), and give what comes out. Of packed disks pvmc reads those of zstd.`,
  });
}

/** What the disk of a manifest may have at most; a hostile file may tell of thousands of times as much. */
export const LARGEST_DISK_BYTES = 2 ** 41;

/** @throws PvmcError `disk-too-large` */
export function requireDiskSize(name: string, sizeBytes: number): void {
  if (sizeBytes <= LARGEST_DISK_BYTES) return;
  throw broken({
    code: 'disk-too-large',
    message: `${quoted(name)} is a disk of more than ${formatSize(LARGEST_DISK_BYTES)}, the largest that pvmc looks into`,
    hint: 'A disk that is meant to be of that size is compared with other tools: `qemu-img compare`.',
  });
}
