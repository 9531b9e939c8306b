/**
 * Follows the directory and the tables of a VMDK whose directory stands before its grains: one that grows
 * while a machine writes to it, or what `qemu-img convert` calls streamOptimized. One table at a time is in
 * memory.
 */
import type { Progress } from '../../system/progress.ts';
import { readExactly } from '../ova/members.ts';
import {
  decodeMarker,
  GRAIN_BYTES,
  GRAIN_HEADER_BYTES,
  GRAIN_SECTORS,
  SECTOR_BYTES,
  TABLE_BYTES,
  TABLE_ENTRIES,
} from './format.ts';
import type { PackedGrain } from './grain-unpacker.ts';
import { unfinished, vmdkBroken } from './sector-reader.ts';
import { MOST_GRAIN_BYTES, type OpenVmdk } from './stream.ts';

/** A grain that a table tells of. */
export interface StoredGrain {
  readonly diskSector: number;
  /** Where it is in the VMDK. */
  readonly sector: number;
}

/** 1 is a grain of zeros that is stored nowhere, 0 one that was never written. */
const FIRST_PLACE = 2;

/** In the order of the disk. What cannot be followed is reported and left out. */
export async function* storedGrains(
  vmdk: OpenVmdk,
  progress: Progress,
): AsyncGenerator<StoredGrain> {
  const { header, file } = vmdk;
  const tables = Math.ceil(header.capacitySectors / (GRAIN_SECTORS * TABLE_ENTRIES));
  const directory = await readPlace(vmdk, header.directorySector ?? 0, tables * 4);
  if (!directory) return;
  // Tables and grains are places of their own in the file; a grain may be cut off.
  let roomBytes = file.sizeBytes + GRAIN_BYTES;
  const grainBytes = header.isStreamed ? SECTOR_BYTES : GRAIN_BYTES;
  for (let table = 0; table < tables; table += 1) {
    progress.signal.throwIfAborted();
    progress.amount({ done: table, total: tables, unit: 'steps' });
    const place = directory.readUInt32LE(table * 4);
    if (place < FIRST_PLACE) continue;
    const entries = await readPlace(vmdk, place, TABLE_BYTES);
    if (!entries) continue;
    roomBytes -= TABLE_BYTES;
    for (let index = 0; index < TABLE_ENTRIES; index += 1) {
      const sector = entries.readUInt32LE(index * 4);
      const diskSector = (table * TABLE_ENTRIES + index) * GRAIN_SECTORS;
      if (sector < FIRST_PLACE) continue;
      if (sector * SECTOR_BYTES < file.sizeBytes && diskSector < header.capacitySectors) {
        roomBytes -= grainBytes;
        if (roomBytes >= 0) yield { diskSector, sector };
      } else {
        const what = `its table ${table} has a grain at sector ${sector}, where none can be`;
        vmdk.report(vmdkBroken('vmdk-tables', { member: file.name, sector: place }, what));
      }
    }
    if (roomBytes < 0) {
      const what = 'its tables tell of more grains than the file has room for';
      vmdk.report(vmdkBroken('vmdk-tables', { member: file.name, sector: place }, what));
      return;
    }
  }
}

/** Such a grain as it is stored, compressed, behind a marker of its own. Undefined when there is none. */
export async function readPackedGrain(
  { file, report }: OpenVmdk,
  { diskSector, sector }: StoredGrain,
): Promise<PackedGrain | undefined> {
  const place = { member: file.name, sector };
  const at = sector * SECTOR_BYTES;
  if (at + SECTOR_BYTES > file.sizeBytes) {
    report(unfinished('vmdk-cut-off', place, `the grain at sector ${sector} is missing`));
    return undefined;
  }
  const marker = decodeMarker(await readExactly(file.file, file.offset + at, SECTOR_BYTES));
  if (
    marker.type !== 'grain' ||
    marker.diskSector !== diskSector ||
    marker.dataBytes > MOST_GRAIN_BYTES
  ) {
    const what = `the grain of the disk's sector ${diskSector} is not at sector ${sector}, where its table says`;
    report(vmdkBroken('vmdk-tables', place, what));
    return undefined;
  }
  if (at + GRAIN_HEADER_BYTES + marker.dataBytes > file.sizeBytes) {
    report(unfinished('vmdk-cut-off', place, `the grain at sector ${sector} is cut off`));
    return undefined;
  }
  const from = file.offset + at + GRAIN_HEADER_BYTES;
  return { diskSector, sector, packed: await readExactly(file.file, from, marker.dataBytes) };
}

async function readPlace(
  { file, report }: OpenVmdk,
  sector: number,
  lengthBytes: number,
): Promise<Buffer | undefined> {
  const at = sector * SECTOR_BYTES;
  if (sector >= 1 && at + lengthBytes <= file.sizeBytes) {
    return readExactly(file.file, file.offset + at, lengthBytes);
  }
  const place = { member: file.name, sector: 0 };
  report(
    vmdkBroken('vmdk-tables', place, `its directory leads to sector ${sector}, where nothing is`),
  );
  return undefined;
}
