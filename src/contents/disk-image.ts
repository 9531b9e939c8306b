/**
 * The disk in a file, as bytes that can be read at any place. A VMDK is read along its tables, grain by
 * grain, without being unpacked; of a raw file only what holds data is read. Other formats are converted by
 * qemu-img, or unpacked by zstd, into a sparse file that is gone when the disk is disposed of.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { inflate } from 'node:zlib';
import { broken, type Fault, quoted, type Report } from '../appliance/broken.ts';
import { type Extent, mapDisk } from '../appliance/disk-extents.ts';
import type { FaultName } from '../appliance/fault-names.ts';
import { type PackageFile, readExactly } from '../appliance/ova/members.ts';
import { explainingFailures } from '../appliance/partial-file.ts';
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
import { run } from '../system/run.ts';
import { type ByteSource, PAGE_BYTES, PagedSource } from './byte-source.ts';

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

/** For the caller to dispose of. @throws PvmcError `file-missing`, `disk-empty`, `program-failed` */
export async function openRawImage(path: string, progress: Progress): Promise<DiskImage> {
  const file = await openForReading(path);
  try {
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

/** Formats that are converted first, by how their files begin. */
const FOREIGN = [
  { magic: 'QFI\u00fb', format: 'qcow2' },
  { magic: 'vhdxfile', format: 'vhdx' },
  { magic: '<<< ', format: 'vdi' },
  { magic: 'conectix', format: 'vpc' },
  { magic: '\x28\u00b5\x2f\u00fd', format: 'zst' },
] as const;

export type DiskFormat = 'vmdk' | 'raw' | (typeof FOREIGN)[number]['format'];

/** What a disk's file is, by its beginning or, for a fixed VHD, its end. */
export async function diskFormatOf({ file, sizeBytes, offset }: PackageFile): Promise<DiskFormat> {
  const begin = await readExactly(file, offset, Math.min(SECTOR_BYTES, sizeBytes));
  const words = begin.toString('latin1');
  if (words.startsWith('KDMV')) return 'vmdk';
  const known = FOREIGN.find(({ magic }) => words.startsWith(magic));
  if (known) return known.format;
  if (sizeBytes < SECTOR_BYTES) return 'raw';
  const end = await readExactly(file, offset + sizeBytes - SECTOR_BYTES, SECTOR_BYTES);
  return end.toString('latin1').startsWith('conectix') ? 'vpc' : 'raw';
}

/**
 * For the caller to dispose of.
 * @throws PvmcError `program-failed`, `output-full`, `disk-empty`; `disk-backed` for one that is only a part
 */
export async function openConvertedImage(
  path: string,
  { file, format }: { readonly file: PackageFile; readonly format: DiskFormat },
  progress: Progress,
): Promise<DiskImage> {
  if (format === 'qcow2') await requireWhole(file);
  const folder = await mkdtemp(join(tmpdir(), 'pvmc-disk-'));
  const remove = () => rm(folder, { recursive: true, force: true });
  try {
    const raw = join(folder, 'disk.raw');
    const argv =
      format === 'zst'
        ? ['zstd', '-d', '-q', '-f', '--sparse', '-o', raw, path]
        : ['qemu-img', 'convert', '-f', format, '-O', 'raw', path, raw];
    await explainingFailures(raw, async () => {
      await run(argv, {
        signal: progress.signal,
        log: (line, origin) => progress.log(line, origin),
        kind: 'input',
      });
    });
    const image = await openRawImage(raw, progress);
    return {
      ...image,
      format: NAMES[format] ?? format,
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

const NAMES: Readonly<Partial<Record<DiskFormat, string>>> = {
  vpc: 'VHD',
  zst: 'raw, packed by zstd',
};

/** A file that names another one would have that read too: any file of this computer. */
async function requireWhole({ file, offset, name }: PackageFile): Promise<void> {
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
