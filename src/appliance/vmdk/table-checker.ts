/**
 * Remembers where grains and tables were met, and compares that with what tables and directory say. The
 * grains of one table come one after the other, in the order of the disk, and the table directly behind
 * them: a stream that can be written to a disk without going back is like that.
 */

import type { Report } from '../broken.ts';
import type { FaultName } from '../fault-names.ts';
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
  readonly #name: string;
  readonly #report: Report;

  constructor(capacitySectors: number, { name, report }: { name: string; report: Report }) {
    this.#name = name;
    this.#report = report;
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

  /** Returns whether there is such a grain. */
  addGrain(diskSector: number, sector: number): boolean {
    const grain = diskSector / GRAIN_SECTORS;
    if (!Number.isInteger(grain) || diskSector >= this.#capacitySectors) {
      this.#tell('vmdk-grains', sector, `there is no grain at sector ${diskSector} of the disk`);
      return false;
    }
    if (grain <= this.#lastGrain) {
      this.#tell('vmdk-order', sector, `grain ${grain} is out of order`);
    }
    const table = Math.floor(grain / TABLE_ENTRIES);
    if (this.#open !== undefined && this.#open !== table) {
      this.#tell('vmdk-tables', sector, `the table of grain ${this.#lastGrain} is missing`);
      this.#grains.fill(0);
    }
    if (this.#directorySector !== undefined) {
      this.#tell('vmdk-order', sector, 'grains follow its directory');
    }
    this.#lastGrain = grain;
    this.#open = table;
    this.#grains[grain % TABLE_ENTRIES] = sector;
    return true;
  }

  checkTable(bytes: Buffer, sector: number): void {
    if (bytes.length !== TABLE_BYTES) {
      this.#tell('vmdk-tables', sector, 'a grain table has another size than 2 KiB');
      return;
    }
    const isWrong = this.#grains.some((expected, index) => {
      const entry = bytes.readUInt32LE(index * 4);
      // 1 is a grain of zeros that is stored nowhere.
      return entry !== expected && !(expected === 0 && entry === 1);
    });
    if (isWrong) {
      const what = `the grain table at sector ${sector} does not say where its grains are`;
      this.#tell('vmdk-tables', sector, what);
    }
    if (this.#open === undefined) {
      if (this.#emptyTables.size >= this.#tables.length) {
        this.#tell('vmdk-tables', sector, 'it has too many tables');
      } else {
        this.#emptyTables.add(sector);
      }
    } else {
      this.#tables[this.#open] = sector;
    }
    this.#open = undefined;
    this.#grains.fill(0);
  }

  checkDirectory(bytes: Buffer, sector: number): void {
    const tell = (what: string) => this.#tell('vmdk-tables', sector, what);
    if (this.#open !== undefined) tell(`the table of grain ${this.#lastGrain} is missing`);
    if (this.#directorySector !== undefined) tell('it has two directories');
    if (bytes.length < this.#tables.length * 4) tell('its directory is too short');
    else {
      const wrong = this.#tables.findIndex((expected, index) => {
        const entry = bytes.readUInt32LE(index * 4);
        return entry !== expected && !(expected === 0 && this.#emptyTables.has(entry));
      });
      if (wrong >= 0) tell(`its directory does not say where table ${wrong} is`);
    }
    this.#directorySector = sector;
  }

  #tell(fault: FaultName, sector: number, what: string): void {
    this.#report(vmdkBroken(fault, { member: this.#name, sector }, what));
  }
}
