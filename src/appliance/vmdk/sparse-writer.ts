/**
 * Writes a monolithicSparse VMDK: a disk that VMware Workstation, Fusion and VirtualBox attach and write to as it is.
 * Header, description, and directory and tables twice stand before the grains, which are not compressed. The
 * places of tables follow from the disk's size, so one pass is enough, and a table without grains stays a hole.
 */
import type { FileHandle } from 'node:fs/promises';
import { derivedUuid } from '../../system/identity.ts';
import type { DiskPiece, DiskShape } from '../disk-pieces.ts';
import { checkSize } from '../image-file.ts';
import { writeWhole } from '../write-whole.ts';
import {
  type DiskIdentity,
  encodeDescriptor,
  encodeSparseHeader,
  FIRST_FREE_SECTOR,
  GRAIN_BYTES,
  GRAIN_SECTORS,
  SECTOR_BYTES,
  TABLE_BYTES,
  TABLE_ENTRIES,
  TABLE_SECTORS,
} from './format.ts';

/** VMware's limit for such a disk: 32 bits count its sectors, and its tables want room, too. */
const MOST_BYTES = 2040 * 2 ** 30;

/** @param file empty. @throws PvmcError `export-too-large` */
export async function writeSparseVmdk(
  file: FileHandle,
  disk: DiskShape,
  identity: DiskIdentity,
): Promise<void> {
  const limit = { mostBytes: MOST_BYTES, instead: 'vmdk, qcow2, vhdx, raw' };
  checkSize(disk.sizeBytes, { format: 'a monolithicSparse VMDK', ...limit });
  const writer = new SparseWriter(file, disk.sizeBytes);
  await writer.begin(identity);
  for await (const piece of disk.pieces) await writer.add(piece);
  await writer.finish();
}

class SparseWriter {
  readonly #file: FileHandle;
  readonly #capacitySectors: number;
  readonly #tables: number;
  readonly #redundantDirectorySector = FIRST_FREE_SECTOR;
  readonly #directorySector: number;
  readonly #overheadSectors: number;
  /** Where the next grain will stand. */
  #sector: number;
  #table = Buffer.alloc(TABLE_BYTES);
  #tableIndex: number | undefined;

  constructor(file: FileHandle, sizeBytes: number) {
    this.#file = file;
    this.#capacitySectors = Math.ceil(sizeBytes / SECTOR_BYTES);
    this.#tables = Math.ceil(this.#capacitySectors / (GRAIN_SECTORS * TABLE_ENTRIES));
    const oneSet = this.#directorySectors + this.#tables * TABLE_SECTORS;
    this.#directorySector = this.#redundantDirectorySector + oneSet;
    const end = this.#directorySector + oneSet;
    // Grains begin at a multiple of their size.
    this.#overheadSectors = Math.ceil(end / GRAIN_SECTORS) * GRAIN_SECTORS;
    this.#sector = this.#overheadSectors;
  }

  get #directorySectors(): number {
    return Math.ceil((this.#tables * 4) / SECTOR_BYTES);
  }

  async begin(identity: DiskIdentity): Promise<void> {
    const places = {
      capacitySectors: this.#capacitySectors,
      redundantDirectorySector: this.#redundantDirectorySector,
      directorySector: this.#directorySector,
      overheadSectors: this.#overheadSectors,
    };
    const description = encodeDescriptor(identity, this.#capacitySectors, {
      image: derivedUuid(identity.contentId, 'vmdk'),
      modification: derivedUuid(identity.contentId, 'vmdk', 'modification'),
    });
    await writeWhole(this.#file, Buffer.concat([encodeSparseHeader(places), description]), 0);
    for (const sector of this.#directoryPlaces) {
      await writeWhole(this.#file, this.#directory(sector), sector * SECTOR_BYTES);
    }
    await this.#file.truncate(this.#overheadSectors * SECTOR_BYTES);
  }

  async add(piece: DiskPiece): Promise<void> {
    const firstGrain = piece.start / GRAIN_BYTES;
    const index = Math.floor(firstGrain / TABLE_ENTRIES);
    if (index !== this.#tableIndex) {
      await this.#finishTable();
      this.#tableIndex = index;
    }
    const grains: Buffer[] = [];
    const at = this.#sector * SECTOR_BYTES;
    for (const [grain, isZero] of piece.isZero.entries()) {
      if (isZero) continue;
      this.#table.writeUInt32LE(this.#sector, ((firstGrain + grain) % TABLE_ENTRIES) * 4);
      grains.push(piece.bytes.subarray(grain * GRAIN_BYTES, (grain + 1) * GRAIN_BYTES));
      this.#sector += GRAIN_SECTORS;
    }
    await writeWhole(this.#file, Buffer.concat(grains), at);
  }

  async finish(): Promise<void> {
    await this.#finishTable();
  }

  get #directoryPlaces(): readonly number[] {
    return [this.#redundantDirectorySector, this.#directorySector];
  }

  /** Its tables stand behind it. */
  #directory(sector: number): Buffer {
    const bytes = Buffer.alloc(this.#directorySectors * SECTOR_BYTES);
    for (let table = 0; table < this.#tables; table += 1) {
      bytes.writeUInt32LE(this.#tableSector(sector, table), table * 4);
    }
    return bytes;
  }

  #tableSector(directorySector: number, table: number): number {
    return directorySector + this.#directorySectors + table * TABLE_SECTORS;
  }

  async #finishTable(): Promise<void> {
    if (this.#tableIndex === undefined) return;
    for (const directory of this.#directoryPlaces) {
      const sector = this.#tableSector(directory, this.#tableIndex);
      await writeWhole(this.#file, this.#table, sector * SECTOR_BYTES);
    }
    this.#table.fill(0);
  }
}
