/** FAT12, FAT16 and FAT32, as Microsoft's specification (fatgen103) tells: the EFI system partition. */
import { type ByteSource, diskBroken, type Region, type Run, RunsSource } from './byte-source.ts';
import {
  type FileEntry,
  type FileSystem,
  LONGEST_PATH,
  MOST_ENTRIES,
  nameOf,
} from './file-system.ts';

const ENTRY_BYTES = 32;
const LARGEST_FOLDER_BYTES = 2 ** 21;
const ATTRIBUTES = { label: 0x8, folder: 0x10, longName: 0xf } as const;
/** The parts of a long name in one entry: 5, 6 and 2 characters. */
const LONG_NAME_PARTS = [
  [1, 11],
  [14, 26],
  [28, 32],
] as const;

interface Layout {
  readonly bits: 12 | 16 | 32;
  readonly clusterBytes: number;
  /** Cluster numbers are below, from 2 on. */
  readonly endCluster: number;
  readonly tableStart: number;
  readonly dataStart: number;
  /** Of FAT12 and FAT16: where the root folder is. */
  readonly rootStart: number;
  readonly rootBytes: number;
  /** Of FAT32. */
  readonly rootCluster: number;
  readonly label: string;
  readonly id: string;
}

/** Undefined when there is none. @throws PvmcError `disk-invalid` */
export async function openFat(region: Region): Promise<Fat | undefined> {
  if (region.sizeBytes < 512) return undefined;
  const sector = await region.read(0, 512);
  const layout = layoutOf(sector, region);
  return layout && new Fat(region, layout);
}

function layoutOf(sector: Buffer, region: Region): Layout | undefined {
  const sectorBytes = sector.readUInt16LE(11);
  const clusterSectors = sector.readUInt8(13);
  const reserved = sector.readUInt16LE(14);
  const tables = sector.readUInt8(16);
  const rootEntries = sector.readUInt16LE(17);
  const jump = sector.readUInt8(0);
  const isOne =
    sector.readUInt16LE(510) === 0xaa55 &&
    (jump === 0xeb || jump === 0xe9) &&
    [512, 1024, 2048, 4096].includes(sectorBytes) &&
    clusterSectors > 0 &&
    (clusterSectors & (clusterSectors - 1)) === 0 &&
    reserved > 0 &&
    (tables === 1 || tables === 2);
  if (!isOne) return undefined;
  const smallTable = sector.readUInt16LE(22);
  const tableSectors = smallTable === 0 ? sector.readUInt32LE(36) : smallTable;
  const sectors = sector.readUInt16LE(19) || sector.readUInt32LE(32);
  const rootSectors = Math.ceil((rootEntries * ENTRY_BYTES) / sectorBytes);
  const dataSector = reserved + tables * tableSectors + rootSectors;
  const clusters = Math.floor((sectors - dataSector) / clusterSectors);
  const bits = smallTable === 0 ? 32 : clusters < 4085 ? 12 : 16;
  const isWhole = clusters > 0 && sectors * sectorBytes <= region.sizeBytes;
  const isCounted = (tableSectors * sectorBytes * 8) / bits >= clusters + 2;
  if (!isWhole || !isCounted)
    throw diskBroken(region.called, 'its boot sector has impossible numbers');
  const extended = bits === 32 ? 64 : 36;
  return {
    bits,
    clusterBytes: clusterSectors * sectorBytes,
    endCluster: clusters + 2,
    tableStart: reserved * sectorBytes,
    dataStart: dataSector * sectorBytes,
    rootStart: (dataSector - rootSectors) * sectorBytes,
    rootBytes: rootSectors * sectorBytes,
    rootCluster: bits === 32 ? sector.readUInt32LE(44) : 0,
    label: nameOf(sector.subarray(extended + 7, extended + 18)).trimEnd(),
    id: sector
      .readUInt32LE(extended + 3)
      .toString(16)
      .padStart(8, '0'),
  };
}

interface Folder {
  readonly path: string;
  readonly content: ByteSource;
}

export class Fat implements FileSystem {
  readonly kind = 'fat';
  readonly #region: Region;
  readonly #layout: Layout;

  constructor(region: Region, layout: Layout) {
    this.#region = region;
    this.#layout = layout;
  }

  get name(): string {
    return `FAT${this.#layout.bits}`;
  }

  get label(): string {
    return this.#layout.label;
  }

  get id(): string {
    return this.#layout.id;
  }

  get sizeBytes(): number {
    return (this.#layout.endCluster - 2) * this.#layout.clusterBytes;
  }

  /** It keeps no count that can be relied on, and the table is not worth the time. */
  readonly freeBytes = 0;

  async *entries(signal: AbortSignal): AsyncGenerator<FileEntry> {
    const waiting: Folder[] = [{ path: '', content: await this.#root() }];
    const seen = new Set<number>();
    let count = 0;
    for (let folder = waiting.pop(); folder; folder = waiting.pop()) {
      for (const entry of await this.#entriesOf(folder)) {
        signal.throwIfAborted();
        count += 1;
        if (count > MOST_ENTRIES) throw this.#broken(`it has more than ${MOST_ENTRIES} names`);
        yield entry;
        if (entry.type !== 'folder') continue;
        if (entry.path.length > LONGEST_PATH || seen.has(entry.identity)) {
          throw this.#broken('its folders lead in a circle');
        }
        seen.add(entry.identity);
        waiting.push({ path: entry.path, content: await this.#chain(entry.identity) });
      }
    }
  }

  async content(entry: FileEntry): Promise<ByteSource> {
    return new RunsSource(this.#region, await this.runs(entry), entry.sizeBytes);
  }

  async runs({ identity, sizeBytes, path }: FileEntry): Promise<readonly Run[]> {
    if (sizeBytes === 0) return [];
    const runs = await this.#runs(identity, Math.ceil(sizeBytes / this.#layout.clusterBytes));
    const last = runs.at(-1);
    if (last && last.at + last.lengthBytes >= sizeBytes) return runs;
    throw this.#broken(`${path} is shorter than it says`);
  }

  async #root(): Promise<ByteSource> {
    const { bits, rootCluster, rootStart, rootBytes } = this.#layout;
    if (bits === 32) return this.#chain(rootCluster);
    const run = { at: 0, from: rootStart, lengthBytes: rootBytes };
    return new RunsSource(this.#region, [run], rootBytes);
  }

  /** A folder tells no size: it ends where its clusters do. */
  async #chain(first: number): Promise<ByteSource> {
    const runs = await this.#runs(first, this.#layout.endCluster);
    const last = runs.at(-1);
    const sizeBytes = last ? last.at + last.lengthBytes : 0;
    if (sizeBytes > LARGEST_FOLDER_BYTES) throw this.#broken('a folder is too large');
    return new RunsSource(this.#region, runs, sizeBytes);
  }

  /** At most so many clusters: a chain may be a circle. */
  async #runs(first: number, most: number): Promise<readonly Run[]> {
    const { clusterBytes, dataStart, endCluster } = this.#layout;
    const runs: Run[] = [];
    let cluster = first;
    for (let count = 0; ; count += 1) {
      if (cluster < 2 || cluster >= endCluster) throw this.#broken('clusters lead to none');
      const from = dataStart + (cluster - 2) * clusterBytes;
      const last = runs.at(-1);
      if (last && last.from + last.lengthBytes === from) {
        runs[runs.length - 1] = { ...last, lengthBytes: last.lengthBytes + clusterBytes };
      } else runs.push({ at: count * clusterBytes, from, lengthBytes: clusterBytes });
      const next = await this.#next(cluster);
      if (next === undefined || count + 1 === most) {
        if (next !== undefined && most === endCluster)
          throw this.#broken('clusters lead in a circle');
        return runs;
      }
      cluster = next;
    }
  }

  /** The cluster that follows; undefined at the end. */
  async #next(cluster: number): Promise<number | undefined> {
    const { bits, tableStart } = this.#layout;
    const at = tableStart + Math.floor((cluster * bits) / 8);
    if (bits === 32) {
      const value = (await this.#region.read(at, 4)).readUInt32LE(0) & 0xfff_ffff;
      return value >= 0xfff_fff8 ? undefined : value;
    }
    const pair = (await this.#region.read(at, 2)).readUInt16LE(0);
    if (bits === 16) return pair >= 0xfff8 ? undefined : pair;
    const value = cluster % 2 === 0 ? pair & 0xfff : pair >>> 4;
    return value >= 0xff8 ? undefined : value;
  }

  async #entriesOf({ path, content }: Folder): Promise<readonly FileEntry[]> {
    const bytes = await content.read(0, content.sizeBytes);
    const found: FileEntry[] = [];
    let longName = '';
    for (let at = 0; at + ENTRY_BYTES <= bytes.length; at += ENTRY_BYTES) {
      const entry = bytes.subarray(at, at + ENTRY_BYTES);
      const first = entry.readUInt8(0);
      const attributes = entry.readUInt8(11);
      if (first === 0) break;
      if (first === 0xe5) {
        longName = '';
      } else if ((attributes & 0x3f) === ATTRIBUTES.longName) {
        longName = longNamePart(entry) + ((first & 0x40) === 0 ? longName : '');
      } else {
        const name = longName.replace(/\0.*$/s, '') || shortName(entry);
        longName = '';
        if (name === '.' || name === '..' || (attributes & ATTRIBUTES.label) !== 0) continue;
        if (/[/\0]/.test(name)) throw this.#broken('a folder has a name that none can have');
        found.push(this.#entry(`${path}/${name}`, entry));
      }
    }
    return found;
  }

  #entry(path: string, entry: Buffer): FileEntry {
    const isFolder = (entry.readUInt8(11) & ATTRIBUTES.folder) !== 0;
    const sizeBytes = isFolder ? 0 : entry.readUInt32LE(28);
    const high = this.#layout.bits === 32 ? entry.readUInt16LE(20) * 2 ** 16 : 0;
    const { clusterBytes } = this.#layout;
    return {
      path,
      type: isFolder ? 'folder' : 'file',
      identity: entry.readUInt16LE(26) + high,
      mode: undefined,
      owner: undefined,
      sizeBytes,
      usedBytes: Math.ceil(sizeBytes / clusterBytes) * clusterBytes,
      modifiedSeconds: timeOf(entry.readUInt16LE(24), entry.readUInt16LE(22)),
      attributes: {},
    };
  }

  #broken(what: string): Error {
    return diskBroken(this.#region.called, what);
  }
}

function longNamePart(entry: Buffer): string {
  return LONG_NAME_PARTS.map(([start, end]) => entry.toString('utf16le', start, end)).join('');
}

/** Bits at 12 say that name or ending were written in small letters. */
function shortName(entry: Buffer): string {
  const small = entry.readUInt8(12);
  const part = (start: number, end: number, bit: number) => {
    const text = nameOf(entry.subarray(start, end)).trimEnd();
    return (small & bit) === 0 ? text : text.toLowerCase();
  };
  const [name, ending] = [part(0, 8, 0x8), part(8, 11, 0x10)];
  return ending === '' ? name : `${name}.${ending}`;
}

/** It knows no time zone; nobody's is better than UTC. */
function timeOf(date: number, time: number): number {
  const [year, month, day] = [1980 + (date >>> 9), ((date >>> 5) & 15) - 1, date & 31];
  return Date.UTC(year, month, day, time >>> 11, (time >>> 5) & 63, (time & 31) * 2) / 1000;
}
