/**
 * Reads a streamOptimized VMDK as importers do, from front to back. Nothing in it is believed: places, sizes,
 * tables, directory and footer must all agree with what was met on the way. Tables come behind their
 * grains, so that one table at a time is remembered.
 */
import { counted } from '../../system/counted.ts';
import type { Progress } from '../../system/progress.ts';
import { Fault, quoted, type Report } from '../broken.ts';
import type { PackageFile } from '../ova/members.ts';
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
import type { PackedGrain } from './grain-unpacker.ts';
import { SectorReader, unfinished, vmdkBroken } from './sector-reader.ts';
import { TableChecker } from './table-checker.ts';

/** More than any tool leaves before the first grain. */
const MOST_OVERHEAD_SECTORS = 2 ** 16;

export interface OpenVmdk {
  readonly file: PackageFile;
  readonly header: Header;
  /** The text that describes the disk: `CID`, `createType`, … */
  readonly description: ReadonlyMap<string, string>;
  /** Stands before the first grain. */
  readonly reader: SectorReader;
  readonly report: Report;
}

/**
 * Reads header and description, of any sparse VMDK.
 * @param capacityBytes what the descriptor of the package says; undefined without one
 * @throws Fault when it is none, or cannot be read further
 */
export async function openVmdk(
  file: PackageFile,
  capacityBytes: number | undefined,
  report: Report,
): Promise<OpenVmdk> {
  const reader = new SectorReader(file);
  const header = decodeHeader(await reader.take(1));
  const member = file.name;
  if (!header) {
    throw vmdkBroken('vmdk-foreign', { member, sector: 0 }, `${quoted(member)} is no sparse VMDK`);
  }
  checkHeader(header, { member, capacityBytes, report });
  const { descriptorSector, descriptorSectors, overheadSectors } = header;
  const ahead = await reader.take(overheadSectors - 1);
  const from = (descriptorSector - 1) * SECTOR_BYTES;
  const text = ahead.toString('utf8', from, from + descriptorSectors * SECTOR_BYTES);
  const description = decodeDescriptor(text);
  checkType({ file, header, description, reader, report });
  return { file, header, description, reader, report };
}

/** Whether it can be read from front to back; if not, its directory stands before its grains. */
export function isStream({ header }: Pick<OpenVmdk, 'header'>): boolean {
  return header.isStreamed && header.directorySector === undefined;
}

/** The grains of a VMDK that is a stream, and a look at all between them. @throws Fault where it cannot go on */
export async function* streamedGrains(
  vmdk: OpenVmdk,
  progress: Progress,
): AsyncGenerator<PackedGrain> {
  const { reader, header, file, report } = vmdk;
  const member = file.name;
  const tables = new TableChecker(header.capacitySectors, { name: member, report });
  for (;;) {
    progress.signal.throwIfAborted();
    const sector = reader.position;
    const place = { member, sector };
    progress.amount({ done: sector * SECTOR_BYTES, total: file.sizeBytes, unit: 'bytes' });
    const first = await reader.take(1);
    const marker = decodeMarker(first);
    switch (marker.type) {
      case 'grain': {
        const packed = await grainData(vmdk, first, marker);
        const { diskSector } = marker;
        if (tables.addGrain(diskSector, sector)) yield { diskSector, sector, packed };
        break;
      }
      case 'grain-table': {
        const size = within(marker.sectors, TABLE_ENTRIES, place);
        tables.checkTable(await reader.take(size), sector + 1);
        break;
      }
      case 'grain-directory': {
        const size = within(marker.sectors, tables.directorySectors + 8, place);
        tables.checkDirectory(await reader.take(size), sector + 1);
        break;
      }
      case 'footer':
        checkFooter(await reader.take(within(marker.sectors, 1, place)), vmdk, tables);
        await readEnd(vmdk);
        return;
      case 'end-of-stream':
        throw vmdkBroken('vmdk-marker', place, 'its end-of-stream marker comes before its footer');
      case 'unknown':
        throw vmdkBroken('vmdk-marker', place, `there is no marker at sector ${sector}`);
    }
  }
}

interface HeaderCheck {
  readonly member: string;
  readonly capacityBytes: number | undefined;
  readonly report: Report;
}

function checkHeader(header: Header, { member, capacityBytes, report }: HeaderCheck): void {
  const { version, capacitySectors, overheadSectors } = header;
  const place = { member, sector: 0 };
  if (!header.hasItsLineEnds) {
    const what = 'its line ends are not what they were: it was transferred as text';
    throw vmdkBroken('vmdk-line-ends', place, what);
  }
  if (version < 1 || version > 3) {
    report(vmdkBroken('vmdk-version', place, `it has the unknown version ${version}`));
  }
  if (header.grainSectors !== GRAIN_SECTORS || header.tableEntries !== TABLE_ENTRIES) {
    const what = `it has grains of ${counted(header.grainSectors, 'sector')} and tables of ${header.tableEntries}, not 128 and 512`;
    throw vmdkBroken('vmdk-grains', place, what);
  }
  const expected = capacityBytes && Math.ceil(capacityBytes / SECTOR_BYTES);
  if (expected !== undefined && capacitySectors !== expected) {
    const what = `it holds a disk of ${counted(capacitySectors, 'sector')}, the descriptor (.ovf) says ${expected}`;
    report(vmdkBroken('vmdk-capacity', place, what));
  }
  if (capacitySectors > MOST_CAPACITY_SECTORS) {
    const what = `a disk of ${capacitySectors} sectors is more than its tables can count`;
    throw vmdkBroken('vmdk-grains', place, what);
  }
  const describedEnd = header.descriptorSector + header.descriptorSectors;
  if (
    header.descriptorSector < 1 ||
    describedEnd > overheadSectors ||
    overheadSectors > MOST_OVERHEAD_SECTORS
  ) {
    const what = 'its description does not fit before its first grain';
    throw vmdkBroken('vmdk-layout', place, what);
  }
}

/** 32 bits count the sectors of a VMDK; a disk may be larger than its file, but hardly as large as this. */
const MOST_CAPACITY_SECTORS = 2 ** 33;

function checkType({ file, header, description, report }: OpenVmdk): void {
  const member = file.name;
  const place = { member, sector: 0 };
  const called = quoted(member);
  if (!header.isStreamed) {
    const what = `${called} is no streamOptimized VMDK`;
    report(vmdkBroken('vmdk-not-streamed', place, what));
    return;
  }
  if (header.directorySector !== undefined) {
    report(
      new Fault('vmdk-footer-missing', place, {
        code: 'vmdk-unfinished',
        message: `${called} has no footer, so importers that stream it misread it`,
        hint: "`qemu-img convert` writes such files. Export again with pvmc or with VMware's or VirtualBox's tools.",
      }),
    );
  }
  const type = description.get('createType') ?? '';
  if (type !== 'streamOptimized') {
    const what = `its description says createType ${quoted(type)}`;
    const sector = header.descriptorSector;
    report(vmdkBroken('vmdk-create-type', { member, sector }, what));
  }
}

/** The data of a grain, which begins in the sector of its marker. */
async function grainData(
  { reader, file }: OpenVmdk,
  first: Buffer,
  { dataBytes }: Extract<Marker, { type: 'grain' }>,
): Promise<Buffer> {
  if (dataBytes > MOST_GRAIN_BYTES) {
    const place = { member: file.name, sector: reader.position - 1 };
    throw vmdkBroken('vmdk-marker', place, `a grain has ${counted(dataBytes, 'byte')}`);
  }
  const end = GRAIN_HEADER_BYTES + dataBytes;
  const more = Math.ceil(end / SECTOR_BYTES) - 1;
  const whole = more === 0 ? first : Buffer.concat([first, await reader.take(more)]);
  return whole.subarray(GRAIN_HEADER_BYTES, end);
}

/** Deflate makes nothing much larger. */
export const MOST_GRAIN_BYTES = 2 * GRAIN_BYTES;

function within(
  sectors: number,
  most: number,
  place: { readonly member: string; readonly sector: number },
): number {
  if (sectors >= 1 && sectors <= most) return sectors;
  throw vmdkBroken('vmdk-marker', place, `a marker announces ${counted(sectors, 'sector')}`);
}

function checkFooter(
  sector: Buffer,
  { header, file, reader, report }: OpenVmdk,
  tables: TableChecker,
) {
  const footer = decodeHeader(sector);
  const agrees =
    footer?.isStreamed === true &&
    footer.capacitySectors === header.capacitySectors &&
    footer.grainSectors === header.grainSectors &&
    footer.tableEntries === header.tableEntries &&
    footer.directorySector !== undefined &&
    footer.directorySector === tables.directorySector;
  if (agrees) return;
  const place = { member: file.name, sector: reader.position - 1 };
  report(
    vmdkBroken('vmdk-footer-wrong', place, 'its footer does not agree with what comes before it'),
  );
}

async function readEnd({ reader, file, report }: OpenVmdk): Promise<void> {
  const member = file.name;
  const sector = reader.position;
  if (sector === reader.sectors) {
    const what = 'it ends before its end-of-stream marker';
    report(unfinished('vmdk-end-missing', { member, sector }, what));
    return;
  }
  const marker = decodeMarker(await reader.take(1));
  if (marker.type !== 'end-of-stream') {
    const what = 'something else than its end follows the footer';
    throw vmdkBroken('vmdk-marker', { member, sector }, what);
  }
  if (reader.position === reader.sectors) return;
  const place = { member, sector: reader.position };
  report(vmdkBroken('vmdk-goes-on', place, 'it goes on behind its end-of-stream marker'));
}
