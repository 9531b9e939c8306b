/**
 * An appliance as it is looked into: its files, its descriptor and its disk, of an OVA, of an OVF with what
 * lies beside it, of a Vagrant box, or of a disk alone. Nothing is mounted, started or believed.
 */
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { broken, quoted } from '../appliance/broken.ts';
import type { FaultName } from '../appliance/fault-names.ts';
import { isDescriptor, type PackageFile } from '../appliance/ova/members.ts';
import { openArchive, openFile, openFolder, type Package } from '../lint/package.ts';
import type { Progress } from '../system/progress.ts';
import { diskOfBox, isBox, openBox } from './box.ts';
import { Region } from './byte-source.ts';
import { diskFormatOf } from './disk-format.ts';
import {
  type DiskImage,
  openRawImage,
  openRawPart,
  openUnpackedImage,
  openVmdkImage,
  refuseDamage,
} from './disk-image.ts';
import { openExt4 } from './ext4/ext4.ts';
import { openFat } from './fat.ts';
import type { FileSystem } from './file-system.ts';
import {
  foreignContent,
  type Partition,
  type PartitionTable,
  readPartitionTable,
} from './partition-table.ts';

export interface ApplianceContents extends AsyncDisposable {
  readonly path: string;
  readonly sizeBytes: number;
  /** `OVA`, `OVF`, `Vagrant box`, or the disk's format. */
  readonly kind: string;
  /** Of a package, in their order; the file itself otherwise. */
  readonly files: readonly PackageFile[];
  readonly disk: DiskContents;
}

export interface DiskContents {
  readonly image: DiskImage;
  readonly table: PartitionTable;
  readonly volumes: readonly Volume[];
}

/** A partition, or the whole of a disk that has none. */
export interface Volume {
  /** Undefined for a disk without partitions. */
  readonly partition: Partition | undefined;
  readonly region: Region;
  /** Undefined when there is none that pvmc knows. */
  readonly fileSystem: FileSystem | undefined;
  /** What it holds instead, as far as it can be told: `swap`, `XFS`. */
  readonly foreign: string | undefined;
}

/** Faults of archives that keep nobody from finding the members. */
const HARMLESS: readonly FaultName[] = [
  'pax-header',
  'gnu-extension',
  'not-ustar',
  'end-missing',
  'end-not-empty',
  'descriptor-not-first',
  'manifest-misplaced',
];

/**
 * For the caller to dispose of.
 * @throws PvmcError of the kind `input` for a file that cannot be read: `file-missing`, `ova-truncated`,
 * `vmdk-invalid`, `disk-invalid`, …
 */
export async function openContents(path: string, progress: Progress): Promise<ApplianceContents> {
  const opened = await openPackage(path, progress);
  const { files, kind } = opened;
  let image: DiskImage | undefined;
  const close = async () => {
    await image?.[Symbol.asyncDispose]();
    await opened[Symbol.asyncDispose]();
  };
  try {
    image = await openDisk(opened, progress);
    return {
      path,
      sizeBytes:
        kind === 'OVA' || kind === 'Vagrant box'
          ? (await stat(path)).size
          : files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
      kind: kind ?? image.format,
      files,
      disk: await readDisk(image),
      [Symbol.asyncDispose]: close,
    };
  } catch (thrown) {
    await close();
    throw thrown;
  }
}

export type PackageKind = 'OVA' | 'OVF' | 'Vagrant box';

export interface OpenPackage extends AsyncDisposable {
  /** The file that the disk is in: of a box that is packed, a temporary one. */
  readonly path: string;
  readonly kind: PackageKind | undefined;
  readonly files: readonly PackageFile[];
  readonly disk: PackageFile;
}

/** For the caller to dispose of. @throws as `openContents` */
export async function openPackage(path: string, progress: Progress): Promise<OpenPackage> {
  const kind = kindOf(path);
  if (kind === undefined) {
    const file = await openFile(path);
    const files = [file];
    return { path, kind, files, disk: file, [Symbol.asyncDispose]: () => file.file.close() };
  }
  const opened = await openOf(kind, path, progress);
  const { files } = opened;
  const disk =
    kind === 'Vagrant box'
      ? diskOfBox(files)
      : files.find(({ name }) => !isDescriptor(name) && !/\.(mf|cert|nvram|iso)$/i.test(name));
  const close = () => opened[Symbol.asyncDispose]();
  if (disk) return { path: opened.path, kind, files, disk, [Symbol.asyncDispose]: close };
  await close();
  throw broken({ code: 'ova-file-missing', message: `${basename(path)} comes without a disk` });
}

function kindOf(path: string): PackageKind | undefined {
  if (isBox(path)) return 'Vagrant box';
  if (isDescriptor(path)) return 'OVF';
  return /\.ova$/i.test(path) ? 'OVA' : undefined;
}

async function openOf(
  kind: PackageKind,
  path: string,
  progress: Progress,
): Promise<Package & { readonly path: string }> {
  if (kind === 'Vagrant box') return openBox(path, progress);
  const opened =
    kind === 'OVF' ? await openFolder(path) : await openArchive(path, refuseDamage(HARMLESS));
  return { ...opened, path };
}

async function openDisk(
  { path, disk: file, kind }: OpenPackage,
  progress: Progress,
): Promise<DiskImage> {
  const format = await diskFormatOf(file);
  if (format === 'vmdk') return openVmdkImage(file);
  if (kind === 'OVA' || kind === 'OVF') {
    throw broken({ code: 'vmdk-invalid', message: `${quoted(file.name)} is no sparse VMDK` });
  }
  if (format !== 'raw') return openUnpackedImage({ path, file, format }, progress);
  return kind === undefined ? openRawImage(path, progress) : openRawPart(file);
}

async function readDisk(image: DiskImage): Promise<DiskContents> {
  const { source } = image;
  const table = await readPartitionTable(source);
  const places =
    table.kind === 'none'
      ? [{ partition: undefined, start: 0, sizeBytes: source.sizeBytes, called: 'the disk' }]
      : table.partitions.map((partition) => ({
          partition,
          start: partition.startBytes,
          sizeBytes: partition.sizeBytes,
          called: `the file system of partition ${partition.number}`,
        }));
  const volumes: Volume[] = [];
  for (const { partition, ...place } of places) {
    const region = new Region(source, place);
    const fileSystem = (await openExt4(region)) ?? (await openFat(region));
    const foreign = fileSystem ? undefined : await foreignContent(region);
    volumes.push({ partition, region, fileSystem, foreign });
  }
  return { image, table, volumes };
}
