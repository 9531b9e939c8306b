/**
 * The disk in a file, as bytes that can be read at any place. A VMDK is read along its tables, grain by
 * grain, without being unpacked; of a raw file only what holds data is read. Other formats are unpacked into a
 * sparse file that is gone when the disk is disposed of.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { inflate } from 'node:zlib';
import type { Fault, Report } from '../appliance/broken.ts';
import { type Extent, mapDisk } from '../appliance/disk-extents.ts';
import type { FaultName } from '../appliance/fault-names.ts';
import { type PackageFile, readExactly } from '../appliance/ova/members.ts';
import { openForReading } from '../appliance/read-ova.ts';
import {
  decodeHeader,
  GRAIN_BYTES,
  GRAIN_SECTORS,
  SECTOR_BYTES,
  TABLE_BYTES,
  TABLE_ENTRIES,
} from '../appliance/vmdk/format.ts';
import { vmdkBroken } from '../appliance/vmdk/sector-reader.ts';
import { type OpenVmdk, openVmdk } from '../appliance/vmdk/stream.ts';
import { readPackedGrain } from '../appliance/vmdk/table-walk.ts';
import type { Progress } from '../system/progress.ts';
import { type ByteSource, PAGE_BYTES, PagedSource } from './byte-source.ts';
import { FORMAT_NAMES, requireDiskSize } from './disk-format.ts';
import { type PackedDisk, unpackDisk } from './unpack-disk.ts';

export interface DiskImage extends AsyncDisposable {
  /** `streamOptimized VMDK`, `raw`, `qcow2` */
  readonly format: string;
  readonly source: ByteSource;
  /** What a VMDK says of itself. */
  readonly description: ReadonlyMap<string, string>;
  /** A page of 64 KiB of the disk, compressed if the file has it so; undefined when it has nothing. */
  readonly stored: (page: number) => Promise<Buffer | undefined>;
}

/** Faults that keep nobody from reading the disk: `pvmc lint` is who tells of them. */
const HARMLESS: readonly FaultName[] = [
  'vmdk-not-streamed',
  'vmdk-footer-missing',
  'vmdk-create-type',
  'vmdk-version',
  'vmdk-capacity',
];

export function refuseDamage(harmless: readonly FaultName[]): Report {
  return (fault: Fault) => {
    if (!harmless.includes(fault.fault)) throw fault;
  };
}

const inflated = promisify(inflate) as (
  bytes: Buffer,
  options: { readonly maxOutputLength: number },
) => Promise<Buffer>;

/** For the caller to dispose of; the file stays open. @throws PvmcError `vmdk-invalid`, `vmdk-unfinished` */
export async function openVmdkImage(file: PackageFile): Promise<DiskImage> {
  const vmdk = await openVmdk(file, undefined, refuseDamage(HARMLESS));
  const { capacitySectors, isStreamed } = vmdk.header;
  requireDiskSize(file.name, capacitySectors * SECTOR_BYTES);
  const tables = await grainTables(vmdk);
  const neededOf = (page: number) =>
    Math.min(GRAIN_BYTES, (capacitySectors - page * GRAIN_SECTORS) * SECTOR_BYTES);
  const stored = async (page: number): Promise<Buffer | undefined> => {
    const sector = await tables.grainAt(page);
    if (sector === undefined) return undefined;
    if (isStreamed) {
      return (await readPackedGrain(vmdk, { diskSector: page * GRAIN_SECTORS, sector }))?.packed;
    }
    requireInside(vmdk, sector, neededOf(page));
    return readExactly(file.file, file.offset + sector * SECTOR_BYTES, neededOf(page));
  };
  const load = async (page: number): Promise<Buffer | undefined> => {
    const bytes = await stored(page);
    if (!bytes || !isStreamed) return bytes;
    const options = { maxOutputLength: GRAIN_BYTES };
    const plain = await inflated(bytes, options).catch(() => undefined);
    const needed = neededOf(page);
    if (plain && plain.length >= needed) return plain.subarray(0, needed);
    const what = `the grain at sector ${page * GRAIN_SECTORS} cannot be inflated`;
    throw vmdkBroken('vmdk-grain-damaged', { member: file.name }, what);
  };
  return {
    format: isStreamed ? 'streamOptimized VMDK' : 'sparse VMDK',
    source: new PagedSource(capacitySectors * SECTOR_BYTES, load),
    description: vmdk.description,
    stored,
    [Symbol.asyncDispose]: async () => {},
  };
}

/** 2 MiB of tables: 32 GiB of the disk. */
const MOST_TABLES = 1024;

/** Where a VMDK's grains are, one table at a time as they are needed. */
async function grainTables(vmdk: OpenVmdk) {
  const { header, file } = vmdk;
  const count = Math.ceil(header.capacitySectors / (GRAIN_SECTORS * TABLE_ENTRIES));
  const directorySector = header.directorySector ?? (await directoryOfFooter(vmdk));
  requireInside(vmdk, directorySector, count * 4);
  const at = (sector: number) => file.offset + sector * SECTOR_BYTES;
  const directory = await readExactly(file.file, at(directorySector), count * 4);
  const tables = new Map<number, Promise<Buffer>>();
  const tableAt = (sector: number): Promise<Buffer> => {
    requireInside(vmdk, sector, TABLE_BYTES);
    const table = tables.get(sector) ?? readExactly(file.file, at(sector), TABLE_BYTES);
    tables.set(sector, table);
    const [oldest] = tables.keys();
    if (tables.size > MOST_TABLES && oldest !== undefined) tables.delete(oldest);
    return table;
  };
  return {
    /** The sector of a grain; undefined for one that was never written, or is zeros. */
    grainAt: async (grain: number): Promise<number | undefined> => {
      const table = directory.readUInt32LE(Math.floor(grain / TABLE_ENTRIES) * 4);
      if (table < FIRST_PLACE) return undefined;
      const sector = (await tableAt(table)).readUInt32LE((grain % TABLE_ENTRIES) * 4);
      return sector < FIRST_PLACE ? undefined : sector;
    },
  };
}

/** 0 stands for nothing, 1 for a grain of zeros that is stored nowhere. */
const FIRST_PLACE = 2;

/** The last three sectors are the footer's marker, the footer and the end-of-stream marker. */
async function directoryOfFooter(vmdk: OpenVmdk): Promise<number> {
  const { file } = vmdk;
  const sector = file.sizeBytes / SECTOR_BYTES - 2;
  requireInside(vmdk, sector, SECTOR_BYTES);
  const bytes = await readExactly(file.file, file.offset + sector * SECTOR_BYTES, SECTOR_BYTES);
  const directory = decodeHeader(bytes)?.directorySector;
  if (directory !== undefined) return directory;
  const what = 'it has no footer, which would tell where its tables are';
  throw vmdkBroken('vmdk-footer-wrong', { member: file.name, sector }, what);
}

function requireInside({ file }: OpenVmdk, sector: number, lengthBytes: number): void {
  if (sector >= 1 && sector * SECTOR_BYTES + lengthBytes <= file.sizeBytes) return;
  const what = `its tables lead to sector ${sector}, where nothing is`;
  throw vmdkBroken('vmdk-tables', { member: file.name, sector: 0 }, what);
}

/** A raw disk that is a part of a file. The file stays open. @throws PvmcError `disk-too-large` */
export function openRawPart({ name, file, offset, sizeBytes }: PackageFile): DiskImage {
  requireDiskSize(name, sizeBytes);
  const load = (page: number): Promise<Buffer> => {
    const start = page * PAGE_BYTES;
    return readExactly(file, offset + start, Math.min(PAGE_BYTES, sizeBytes - start));
  };
  return {
    format: 'raw',
    source: new PagedSource(sizeBytes, load),
    description: new Map(),
    stored: load,
    [Symbol.asyncDispose]: async () => {},
  };
}

/** For the caller to dispose of. @throws PvmcError `file-missing`, `disk-empty`, `disk-too-large`, `program-failed` */
export async function openRawImage(path: string, progress: Progress): Promise<DiskImage> {
  const file = await openForReading(path);
  try {
    requireDiskSize(basename(path), (await file.stat()).size);
    const { sizeBytes, extents } = await mapDisk({ path, format: 'raw' }, progress);
    // qemu-img counts whole sectors; the file may end within one.
    const end = (await file.stat()).size;
    const isData = (page: number) => holdsData(extents, page * PAGE_BYTES);
    const load = async (page: number): Promise<Buffer | undefined> => {
      if (!isData(page)) return undefined;
      const start = page * PAGE_BYTES;
      const bytes = Buffer.alloc(Math.min(PAGE_BYTES, sizeBytes - start));
      const there = await readExactly(
        file,
        start,
        Math.max(0, Math.min(bytes.length, end - start)),
      );
      there.copy(bytes);
      return bytes;
    };
    return {
      format: 'raw',
      source: new PagedSource(sizeBytes, load),
      description: new Map(),
      stored: load,
      [Symbol.asyncDispose]: () => file.close(),
    };
  } catch (thrown) {
    await file.close();
    throw thrown;
  }
}

/** Whether any byte of a page does. */
function holdsData(extents: readonly Extent[], start: number): boolean {
  let low = 0;
  let high = extents.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const one = extents[middle];
    if (one && one.start + one.lengthBytes <= start) low = middle + 1;
    else high = middle;
  }
  const next = extents[low];
  return next !== undefined && next.start < start + PAGE_BYTES;
}

/**
 * For the caller to dispose of.
 * @throws PvmcError `disk-damaged`, `disk-too-large`, `unpack-full`, `disk-empty`; `disk-backed` for one that
 * is only a part
 */
export async function openUnpackedImage(disk: PackedDisk, progress: Progress): Promise<DiskImage> {
  const folder = await mkdtemp(join(tmpdir(), 'pvmc-disk-'));
  const remove = () => rm(folder, { recursive: true, force: true });
  try {
    const raw = join(folder, 'disk.raw');
    await unpackDisk(disk, raw, progress);
    const image = await openRawImage(raw, progress);
    return {
      ...image,
      format: FORMAT_NAMES[disk.format],
      [Symbol.asyncDispose]: async () => {
        await image[Symbol.asyncDispose]();
        await remove();
      },
    };
  } catch (thrown) {
    await remove();
    throw thrown;
  }
}
