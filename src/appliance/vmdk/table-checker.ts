/**
 * Remembers where grains and tables were met, and compares that with what tables and directory say. The
 * grains of one table come one after the other, in the order of the disk, and the table directly behind
 * them: a stream that can be written to a disk without going back is like that.
 */
import { GRAIN_SECTORS, SECTOR_BYTES, TABLE_BYTES, TABLE_ENTRIES } from './format.ts';
import { vmdkBroken } from './sector-reader.ts';

export class TableChecker {
  readonly #capacitySectors: number;
  /** By table: the sector where it was met; 0 when it was not. */
  readonly #tables: Uint32Array;
  /** Tables without grains: some tools write them. */
  readonly #emptyTables = new Set<number>();
  readonly #grains = new Uint32Array(TABLE_ENTRIES);
  /** The table that grains are being met of. */
  #open: number | undefined;
  #lastGrain = -1;
  #directorySector: number | undefined;

  constructor(capacitySectors: number) {
    this.#capacitySectors = capacitySectors;
    this.#tables = new Uint32Array(Math.ceil(capacitySectors / (GRAIN_SECTORS * TABLE_ENTRIES)));
  }

  /** How many the directory needs. */
  get directorySectors(): number {
    return Math.ceil((this.#tables.length * 4) / SECTOR_BYTES);
  }

  /** Where the directory was met. */
  get directorySector(): number | undefined {
    return this.#directorySector;
  }

  addGrain(diskSector: number, sector: number): void {
    const grain = diskSector / GRAIN_SECTORS;
    if (!Number.isInteger(grain) || diskSector >= this.#capacitySectors) {
      throw vmdkBroken(`there is no grain at sector ${diskSector} of the disk`);
    }
    if (grain <= this.#lastGrain) throw vmdkBroken(`grain ${grain} is out of order`);
    const table = Math.floor(grain / TABLE_ENTRIES);
    if (this.#open !== undefined && this.#open !== table) {
      throw vmdkBroken(`the table of grain ${this.#lastGrain} is missing`);
    }
    if (this.#directorySector !== undefined) throw vmdkBroken('grains follow its directory');
    this.#lastGrain = grain;
    this.#open = table;
    this.#grains[grain % TABLE_ENTRIES] = sector;
  }

  checkTable(bytes: Buffer, sector: number): void {
    if (bytes.length !== TABLE_BYTES) throw vmdkBroken('a grain table has another size than 2 KiB');
    for (const [index, expected] of this.#grains.entries()) {
      const entry = bytes.readUInt32LE(index * 4);
      // 1 is a grain of zeros that is stored nowhere.
      if (entry !== expected && !(expected === 0 && entry === 1)) {
        throw vmdkBroken(`the grain table at sector ${sector} does not say where its grains are`);
      }
    }
    if (this.#open === undefined) {
      if (this.#emptyTables.size >= this.#tables.length) throw vmdkBroken('it has too many tables');
      this.#emptyTables.add(sector);
    } else {
      this.#tables[this.#open] = sector;
    }
    this.#open = undefined;
    this.#grains.fill(0);
  }

  checkDirectory(bytes: Buffer, sector: number): void {
    if (this.#open !== undefined)
      throw vmdkBroken(`the table of grain ${this.#lastGrain} is missing`);
    if (this.#directorySector !== undefined) throw vmdkBroken('it has two directories');
    if (bytes.length < this.#tables.length * 4) throw vmdkBroken('its directory is too short');
    for (const [index, expected] of this.#tables.entries()) {
      const entry = bytes.readUInt32LE(index * 4);
      if (entry !== expected && !(expected === 0 && this.#emptyTables.has(entry))) {
        throw vmdkBroken(`its directory does not say where table ${index} is`);
      }
    }
    this.#directorySector = sector;
  }
}
