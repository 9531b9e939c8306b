/**
 * A disc (ISO 9660) with one small file in its root, for what a machine is told at its first boot. The file
 * has its own name by Joliet; readers that know only the standard see it in capitals, without dashes.
 */

const SECTOR = 2048;
const PRIMARY = 16;
const JOLIET = 17;
const TERMINATOR = 18;
/** Of the primary volume; Joliet's stand two further: little-endian, then big-endian. */
const PATH_TABLES = 19;
const ROOTS = 23;
const FILE = 25;
/** Of a table with nothing but the root. */
const PATH_TABLE_BYTES = 10;

export interface SmallDisc {
  /** At most 16 capital letters, digits, dashes, underscores and blanks: Joliet has room for no more. */
  readonly label: string;
  readonly fileName: string;
  readonly content: Uint8Array;
}

/** The disc's bytes: always the same for the same file. */
export function smallDisc({ label, fileName, content }: SmallDisc): Buffer {
  const sectors = FILE + Math.ceil(content.length / SECTOR);
  const disc = Buffer.alloc(sectors * SECTOR);
  const volumes = [
    { sector: PRIMARY, type: 1, encode: (text: string) => Buffer.from(text, 'latin1') },
    { sector: JOLIET, type: 2, encode: utf16 },
  ] as const;
  for (const [index, { sector, type, encode }] of volumes.entries()) {
    const tables = PATH_TABLES + 2 * index;
    const root = ROOTS + index;
    const descriptor = disc.subarray(sector * SECTOR, (sector + 1) * SECTOR);
    begin(descriptor, type);
    fill(descriptor, { at: 8, bytes: 32, text: encode(''), blank: encode(' ') });
    fill(descriptor, { at: 40, bytes: 32, text: encode(label), blank: encode(' ') });
    both32(descriptor, 80, sectors);
    // Joliet says here that names are of UCS-2, level 3.
    if (type === 2) descriptor.write('%/E', 88, 'latin1');
    both16(descriptor, 120, 1);
    both16(descriptor, 124, 1);
    both16(descriptor, 128, SECTOR);
    both32(descriptor, 132, PATH_TABLE_BYTES);
    descriptor.writeUInt32LE(tables, 140);
    descriptor.writeUInt32BE(tables + 1, 148);
    entry({ extent: root, bytes: SECTOR, flags: FOLDER, name: SELF }).copy(descriptor, 156);
    // Who made it and with what: blanks.
    fill(descriptor, { at: 190, bytes: 623, text: encode(''), blank: encode(' ') });
    // Four dates that are not told.
    for (const date of [813, 830, 847, 864]) descriptor.write('0'.repeat(16), date, 'latin1');
    descriptor[881] = 1;
    pathTable(disc.subarray(tables * SECTOR), 'LE', root);
    pathTable(disc.subarray((tables + 1) * SECTOR), 'BE', root);
    const plain = `${fileName.toUpperCase().replaceAll(/[^A-Z0-9._]/g, '_')};1`;
    const name = type === 1 ? encode(plain) : encode(fileName);
    const entries = [
      entry({ extent: root, bytes: SECTOR, flags: FOLDER, name: SELF }),
      entry({ extent: root, bytes: SECTOR, flags: FOLDER, name: PARENT }),
      entry({ extent: FILE, bytes: content.length, flags: 0, name }),
    ];
    Buffer.concat(entries).copy(disc, root * SECTOR);
  }
  begin(disc.subarray(TERMINATOR * SECTOR), 255);
  disc.set(content, FILE * SECTOR);
  return disc;
}

const FOLDER = 2;
const SELF = Buffer.from([0]);
const PARENT = Buffer.from([1]);

function utf16(text: string): Buffer {
  return Buffer.from(text, 'utf16le').swap16();
}

function begin(descriptor: Buffer, type: number): void {
  descriptor[0] = type;
  descriptor.write('CD001', 1, 'latin1');
  descriptor[6] = 1;
}

interface Field {
  readonly at: number;
  readonly bytes: number;
  readonly text: Buffer;
  readonly blank: Buffer;
}

/** The text, and blanks behind it. */
function fill(target: Buffer, { at, bytes, text, blank }: Field): void {
  target.fill(blank, at, at + bytes);
  text.copy(target, at, 0, bytes);
}

/** Both byte orders, one after the other. */
function both16(target: Buffer, at: number, value: number): void {
  target.writeUInt16LE(value, at);
  target.writeUInt16BE(value, at + 2);
}

function both32(target: Buffer, at: number, value: number): void {
  target.writeUInt32LE(value, at);
  target.writeUInt32BE(value, at + 4);
}

interface Entry {
  /** Its first sector. */
  readonly extent: number;
  readonly bytes: number;
  readonly flags: number;
  readonly name: Buffer;
}

/** Of a folder. Its date is not told. */
function entry({ extent, bytes, flags, name }: Entry): Buffer {
  const length = 33 + name.length;
  const record = Buffer.alloc(length + (length % 2));
  record[0] = record.length;
  both32(record, 2, extent);
  both32(record, 10, bytes);
  record[25] = flags;
  both16(record, 28, 1);
  record[32] = name.length;
  name.copy(record, 33);
  return record;
}

function pathTable(target: Buffer, order: 'LE' | 'BE', root: number): void {
  target[0] = 1;
  target[`writeUInt32${order}`](root, 2);
  target[`writeUInt16${order}`](1, 6);
}
