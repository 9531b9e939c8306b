/**
 * Reads a streamOptimized VMDK as importers do, from front to back, and writes the disk as a sparse raw
 * file. Nothing in it is believed: places, sizes, tables, directory and footer must all agree with what
 * was met on the way. Tables come behind their grains, so that one table at a time is remembered.
 */
import { type FileHandle, open, rm } from 'node:fs/promises';
import { PvmcError, systemCodeOf } from '../../system/error.ts';
import type { Progress } from '../../system/progress.ts';
import { broken, quoted } from '../broken.ts';
import { explainingFailures } from '../partial-file.ts';
import {
  decodeDescriptor,
  decodeHeader,
  decodeMarker,
  GRAIN_BYTES,
  GRAIN_HEADER_BYTES,
  GRAIN_SECTORS,
  type Header,
  type Marker,
  SECTOR_BYTES,
  TABLE_ENTRIES,
} from './format.ts';
import { GrainUnpacker } from './grain-unpacker.ts';
import { SectorReader, vmdkBroken } from './sector-reader.ts';
import { TableChecker } from './table-checker.ts';

export interface PackedDisk {
  readonly file: FileHandle;
  readonly name: string;
  /** Where the VMDK begins in the file, and its length. */
  readonly offset: number;
  readonly sizeBytes: number;
  /** What the descriptor of the package says. */
  readonly capacityBytes: number;
}

export interface UnpackTarget {
  readonly path: string;
  readonly progress: Progress;
}

/** More than any tool leaves before the first grain. */
const MOST_OVERHEAD_SECTORS = 2 ** 16;

/** @throws PvmcError `vmdk-invalid`, `vmdk-unfinished`, `disk-exists`, `output-full`, … */
export async function unpackVmdk(disk: PackedDisk, target: UnpackTarget): Promise<void> {
  const reader = new SectorReader(disk);
  const header = await readPreamble(reader, disk);
  await withNewFile(target.path, async (raw) => {
    await raw.truncate(header.capacitySectors * SECTOR_BYTES);
    const unpacker = new GrainUnpacker(raw, header.capacitySectors);
    try {
      await readStream({ reader, header, unpacker, progress: target.progress });
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

/** Header and description; the reader then stands before the first grain. */
async function readPreamble(reader: SectorReader, disk: PackedDisk): Promise<Header> {
  const header = decodeHeader(await reader.take(1));
  if (!header) throw vmdkBroken(`${quoted(disk.name)} is no streamOptimized VMDK`);
  const { descriptorSector, descriptorSectors, overheadSectors } = header;
  checkHeader(header, disk);
  if (header.directorySector !== undefined) {
    throw broken({
      code: 'vmdk-unfinished',
      message: `${quoted(disk.name)} has no footer, so importers that stream it misread it`,
      hint: "`qemu-img convert` writes such files. Export again with pvmc or with VMware's or VirtualBox's tools.",
    });
  }
  const ahead = await reader.take(overheadSectors - 1);
  const from = (descriptorSector - 1) * SECTOR_BYTES;
  const text = ahead.toString('utf8', from, from + descriptorSectors * SECTOR_BYTES);
  const type = decodeDescriptor(text).get('createType') ?? '';
  if (type !== 'streamOptimized')
    throw vmdkBroken(`its description says createType ${quoted(type)}`);
  return header;
}

function checkHeader(header: Header, disk: PackedDisk): void {
  const { version, capacitySectors, overheadSectors } = header;
  if (version < 1 || version > 3) throw vmdkBroken(`it has the unknown version ${version}`);
  if (header.grainSectors !== GRAIN_SECTORS || header.tableEntries !== TABLE_ENTRIES) {
    throw vmdkBroken(
      `it has grains of ${header.grainSectors} sectors and tables of ${header.tableEntries}, not 128 and 512`,
    );
  }
  const expected = Math.ceil(disk.capacityBytes / SECTOR_BYTES);
  if (capacitySectors !== expected) {
    throw vmdkBroken(
      `it holds a disk of ${capacitySectors} sectors, the descriptor (.ovf) says ${expected}`,
    );
  }
  const describedEnd = header.descriptorSector + header.descriptorSectors;
  if (
    header.descriptorSector < 1 ||
    describedEnd > overheadSectors ||
    overheadSectors > MOST_OVERHEAD_SECTORS
  ) {
    throw vmdkBroken('its description does not fit before its first grain');
  }
}

interface Stream {
  readonly reader: SectorReader;
  readonly header: Header;
  readonly unpacker: GrainUnpacker;
  readonly progress: Progress;
}

async function readStream({ reader, header, unpacker, progress }: Stream): Promise<void> {
  const tables = new TableChecker(header.capacitySectors);
  const total = reader.sectors * SECTOR_BYTES;
  for (;;) {
    progress.signal.throwIfAborted();
    const sector = reader.position;
    progress.amount({ done: sector * SECTOR_BYTES, total, unit: 'bytes' });
    const first = await reader.take(1);
    const marker = decodeMarker(first);
    switch (marker.type) {
      case 'grain':
        tables.addGrain(marker.diskSector, sector);
        await unpacker.add(marker.diskSector, await grainData(reader, first, marker));
        break;
      case 'grain-table':
        tables.checkTable(await reader.take(within(marker.sectors, TABLE_ENTRIES)), sector + 1);
        break;
      case 'grain-directory': {
        const most = tables.directorySectors + 8;
        tables.checkDirectory(await reader.take(within(marker.sectors, most)), sector + 1);
        break;
      }
      case 'footer':
        checkFooter(await reader.take(within(marker.sectors, 1)), header, tables);
        await readEnd(reader);
        return;
      case 'end-of-stream':
        throw vmdkBroken('its end-of-stream marker comes before its footer');
      case 'unknown':
        throw vmdkBroken(`there is no marker at sector ${sector}`);
    }
  }
}

/** The data of a grain, which begins in the sector of its marker. */
async function grainData(
  reader: SectorReader,
  first: Buffer,
  { dataBytes }: Extract<Marker, { type: 'grain' }>,
): Promise<Buffer> {
  // Deflate makes nothing much larger.
  if (dataBytes > 2 * GRAIN_BYTES) throw vmdkBroken(`a grain has ${dataBytes} bytes`);
  const end = GRAIN_HEADER_BYTES + dataBytes;
  const more = Math.ceil(end / SECTOR_BYTES) - 1;
  const whole = more === 0 ? first : Buffer.concat([first, await reader.take(more)]);
  return whole.subarray(GRAIN_HEADER_BYTES, end);
}

function within(sectors: number, most: number): number {
  if (sectors >= 1 && sectors <= most) return sectors;
  throw vmdkBroken(`a marker announces ${sectors} sectors`);
}

function checkFooter(sector: Buffer, header: Header, tables: TableChecker): void {
  const footer = decodeHeader(sector);
  const agrees =
    footer !== undefined &&
    footer.capacitySectors === header.capacitySectors &&
    footer.grainSectors === header.grainSectors &&
    footer.tableEntries === header.tableEntries &&
    footer.directorySector !== undefined &&
    footer.directorySector === tables.directorySector;
  if (!agrees) throw vmdkBroken('its footer does not agree with what comes before it');
}

async function readEnd(reader: SectorReader): Promise<void> {
  const marker = decodeMarker(await reader.take(1));
  if (marker.type !== 'end-of-stream')
    throw vmdkBroken('something else than its end follows the footer');
  if (reader.position < reader.sectors)
    throw vmdkBroken('it goes on behind its end-of-stream marker');
}
