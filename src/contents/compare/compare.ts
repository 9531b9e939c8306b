/**
 * What changed between two appliances: the files of the package, the descriptor, the disk's description, the
 * partitions, the files and packages of the systems on them. Where nothing differs, nothing is said.
 */
import { broken } from '../../appliance/broken.ts';
import {
  isDescriptor,
  isDigests,
  type PackageFile,
  readExactly,
} from '../../appliance/ova/members.ts';
import { counted } from '../../system/counted.ts';
import { PvmcError } from '../../system/error.ts';
import type { Progress } from '../../system/progress.ts';
import { type ApplianceContents, openContents } from '../appliance-contents.ts';
import { descriptorKeys } from '../descriptor-keys.ts';
import { type ReadSystem, readSystem } from '../read-system.ts';
import { areEqual, type DifferingPages, differingPages } from './compare-bytes.ts';
import { compareFiles, type FileChange } from './compare-files.ts';
import { comparePartitions } from './compare-partitions.ts';
import { compareKeys, type KeyChange } from './keys.ts';

export interface PackageChange {
  readonly name: string;
  /** Versions; undefined where it is not installed. */
  readonly old: string | undefined;
  readonly new: string | undefined;
}

export interface ChangedFile extends FileChange {
  /** Empty for the system's own; otherwise the partition's name: `esp`. */
  readonly volume: string;
  /** The package that it is of, in the appliance that has it. */
  readonly package: string | undefined;
}

export interface ApplianceSizes {
  /** `OVA`, `raw`, … */
  readonly kind: string;
  readonly fileBytes: number;
  readonly diskBytes: number;
  /** What the files on all partitions take. */
  readonly usedBytes: number;
  /** Of the system's own partition, by folder of the first level. */
  readonly folders: Readonly<Record<string, number>>;
}

export interface ApplianceDifference {
  /** The files have the same bits. Nothing else was looked at then. */
  readonly identical: boolean;
  readonly old: ApplianceSizes;
  readonly new: ApplianceSizes;
  readonly packages: readonly PackageChange[];
  readonly files: readonly ChangedFile[];
  readonly descriptor: readonly KeyChange[];
  /** What the VMDK says of itself. */
  readonly diskDescription: readonly KeyChange[];
  readonly partitions: readonly KeyChange[];
  /** The files of the two packages, when they are of one kind. */
  readonly members: readonly KeyChange[];
  /** What of the disks differs, in pages of 64 KiB. */
  readonly differingPages: number;
}

/** @throws PvmcError of the kind `input` for a file that cannot be read; the signal's reason */
export async function compareAppliances(
  paths: { readonly old: string; readonly new: string },
  progress: Progress,
): Promise<ApplianceDifference> {
  await using old = await naming(paths.old, openContents(paths.old, progress));
  await using now = await naming(paths.new, openContents(paths.new, progress));
  const members = await compareMembers(old, now, progress.signal);
  const identical = members.length === 0 && old.kind === now.kind;
  progress.log(identical ? 'the same bits' : 'the files differ, comparing what is in them');
  const [before, after] = [
    await naming(paths.old, readSystem(old, progress.signal)),
    await naming(paths.new, readSystem(now, progress.signal)),
  ];
  const sizes = { old: sizesOf(old, before), new: sizesOf(now, after) };
  if (identical) return { ...NOTHING, ...sizes, identical };
  const pages = await differingPages(old.disk.image, now.disk.image, progress.signal);
  return {
    identical,
    ...sizes,
    packages: comparePackages(before.packages, after.packages),
    files: await compareVolumes(before, after, { pages, signal: progress.signal }),
    descriptor: compareIfBoth(await descriptorKeys(old.files), await descriptorKeys(now.files)),
    diskDescription: compareIfBoth(old.disk.image.description, now.disk.image.description),
    partitions: await comparePartitions(old.disk, now.disk, progress.signal),
    members,
    differingPages: pages.count,
  };
}

/** Of two files, errors say which. */
async function naming<T>(path: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (thrown) {
    if (!(thrown instanceof PvmcError) || thrown.message.includes(path)) throw thrown;
    const { kind, code, hint, details, cause } = thrown;
    const message = `${path}: ${thrown.message}`;
    throw new PvmcError({ kind, code, message, hint, details, cause });
  }
}

/** A disk alone has no descriptor, and only a VMDK tells of itself: that is another form, no change. */
function compareIfBoth(old: ReadonlyMap<string, string>, now: ReadonlyMap<string, string>) {
  return old.size === 0 || now.size === 0 ? [] : compareKeys(old, now);
}

const NOTHING = {
  packages: [],
  files: [],
  descriptor: [],
  diskDescription: [],
  partitions: [],
  members: [],
  differingPages: 0,
} as const;

/** Whether there is anything that differs. Another form of the same disk is none. */
export function isDifferent(difference: ApplianceDifference): boolean {
  const { packages, files, descriptor, diskDescription, partitions, members } = difference;
  return (
    difference.differingPages > 0 ||
    [packages, files, descriptor, diskDescription, partitions, members].some(
      (changes) => changes.length > 0,
    )
  );
}

/** The files of packages of one kind; names have versions in them, so they are told apart by what they are. */
async function compareMembers(
  old: ApplianceContents,
  now: ApplianceContents,
  signal: AbortSignal,
): Promise<readonly KeyChange[]> {
  if (old.kind !== now.kind) return [];
  const changes: KeyChange[] = [];
  const isPackage = ['OVA', 'OVF', 'Vagrant box'].includes(old.kind);
  const left = new Map(old.files.map((file) => [roleOf(file, isPackage), file]));
  const right = new Map(now.files.map((file) => [roleOf(file, isPackage), file]));
  for (const role of new Set([...left.keys(), ...right.keys()])) {
    const [file, other] = [left.get(role), right.get(role)];
    const same = file && other && (await areEqual(sourceOf(file), sourceOf(other), signal));
    if (same && (!isPackage || file.name === other.name)) continue;
    changes.push({ key: role, old: file && factOf(file), new: other && factOf(other) });
  }
  // The same files in an archive of another form: other times, another order.
  const isArchive = isPackage && old.kind !== 'OVF';
  const isSameArchive = !isArchive || changes.length > 0 || (await haveSameBits(old, now));
  if (!isSameArchive) {
    changes.push({
      key: 'archive',
      old: counted(old.sizeBytes, 'byte'),
      new: counted(now.sizeBytes, 'byte'),
    });
  }
  return changes;
}

async function haveSameBits(old: ApplianceContents, now: ApplianceContents): Promise<boolean> {
  const whole = async ({ files }: ApplianceContents) => {
    const [first] = files;
    if (!first) throw broken({ code: 'ova-not-tar', message: 'the archive has no files' });
    const { size: sizeBytes } = await first.file.stat();
    return sourceOf({ ...first, offset: 0, sizeBytes });
  };
  return areEqual(await whole(old), await whole(now), new AbortController().signal);
}

function roleOf({ name }: PackageFile, isPackage: boolean): string {
  if (!isPackage) return 'disk';
  if (isDescriptor(name)) return 'descriptor';
  if (isDigests(name)) return name.endsWith('.mf') ? 'digests' : 'certificate';
  return name.endsWith('.vmdk') ? `disk ${/-disk(\d+)\.vmdk$/.exec(name)?.[1] ?? ''}`.trim() : name;
}

function factOf({ name, sizeBytes }: PackageFile): string {
  return `${name}, ${counted(sizeBytes, 'byte')}`;
}

function sourceOf({ file, offset, sizeBytes }: PackageFile) {
  return {
    sizeBytes,
    read: (at: number, lengthBytes: number) => readExactly(file, offset + at, lengthBytes),
  };
}

function comparePackages(
  before: ReadSystem['packages'],
  after: ReadSystem['packages'],
): readonly PackageChange[] {
  const names = new Set([...before.keys(), ...after.keys()]);
  return [...names]
    .map((name) => ({
      name,
      old: before.get(name)?.version,
      new: after.get(name)?.version,
    }))
    .filter((one) => one.old !== one.new)
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

async function compareVolumes(
  before: ReadSystem,
  after: ReadSystem,
  how: { readonly pages: DifferingPages; readonly signal: AbortSignal },
): Promise<readonly ChangedFile[]> {
  const found: ChangedFile[] = [];
  for (const [number, { volume, tree }] of after.trees) {
    const old = before.trees.get(number);
    // One that came or went as a whole is told of with the partitions.
    if (!old || old.volume.fileSystem?.kind !== volume.fileSystem?.kind) continue;
    const changes = await compareFiles({
      ...how,
      old: { tree: old.tree, startBytes: old.volume.region.placeOf(0) },
      new: { tree, startBytes: volume.region.placeOf(0) },
    });
    const isOwn = number === after.own;
    const { partition } = volume;
    const name = isOwn ? '' : partition?.name || `partition ${number}`;
    for (const change of changes) {
      const owner = after.owners.get(change.path) ?? before.owners.get(change.path);
      found.push({ ...change, volume: name, package: isOwn ? owner : undefined });
    }
  }
  return found;
}

function sizesOf(contents: ApplianceContents, { trees, own }: ReadSystem): ApplianceSizes {
  const folders: Record<string, number> = {};
  let usedBytes = 0;
  for (const [number, { tree }] of trees) {
    const inodes = new Set<number>();
    for (const { path, identity, usedBytes: size, type } of tree.entries.values()) {
      if (inodes.has(identity) || (type === 'file' && size === 0)) continue;
      inodes.add(identity);
      usedBytes += size;
      if (number !== own) continue;
      const top = `/${path.split('/')[1] ?? ''}`;
      folders[top] = (folders[top] ?? 0) + size;
    }
  }
  const { kind, sizeBytes: fileBytes, disk } = contents;
  return { kind, fileBytes, diskBytes: disk.image.source.sizeBytes, usedBytes, folders };
}
