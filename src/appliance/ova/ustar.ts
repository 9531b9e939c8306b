/**
 * Headers of tar members in the one form that every importer takes: strict ustar (POSIX.1-1988), plain
 * files without a folder, nobody's in particular. GNU tar's and Python's defaults differ from that and
 * have broken imports.
 */
import { PvmcError } from '../../system/error.ts';

export const BLOCK_BYTES = 512;
/** Eleven octal digits. */
const LARGEST_MEMBER_BYTES = 8 ** 11 - 1;
/** Two blocks of zeros. */
export const END_BYTES = 2 * BLOCK_BYTES;
export const LONGEST_NAME_BYTES = 100;

export interface MemberFacts {
  readonly name: string;
  readonly sizeBytes: number;
}

export function blocksOf(sizeBytes: number): number {
  return Math.ceil(sizeBytes / BLOCK_BYTES);
}

/**
 * @param seconds the time of modification since 1970
 * @throws PvmcError `export-name-too-long`, `export-too-large`
 */
export function encodeMember({ name, sizeBytes }: MemberFacts, seconds: number): Buffer {
  checkMember({ name, sizeBytes });
  const block = Buffer.alloc(BLOCK_BYTES);
  const writeOctal = (value: number, digits: number, at: number) =>
    block.write(`${value.toString(8).padStart(digits, '0')}\0`, at, 'latin1');
  block.write(name, 0, 'utf8');
  writeOctal(0o644, 7, 100);
  writeOctal(0, 7, 108);
  writeOctal(0, 7, 116);
  writeOctal(sizeBytes, 11, 124);
  writeOctal(Math.min(Math.max(Math.trunc(seconds), 0), LARGEST_MEMBER_BYTES), 11, 136);
  block.write('        0', 148, 'latin1');
  block.write('ustar\x0000', 257, 'latin1');
  writeOctal(0, 7, 329);
  writeOctal(0, 7, 337);
  const sum = checksum(block);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}

/** Fails while nothing is written yet for what could not be a member. */
export function checkMember({ name, sizeBytes }: MemberFacts): void {
  if (Buffer.byteLength(name) > LONGEST_NAME_BYTES) {
    throw new PvmcError({
      kind: 'manifest',
      code: 'export-name-too-long',
      message: `"${name}" has more than the ${LONGEST_NAME_BYTES} bytes that an OVA allows for a file's name`,
      hint: "Shorten the appliance's name or version.",
    });
  }
  if (sizeBytes > LARGEST_MEMBER_BYTES) {
    throw new PvmcError({
      kind: 'host',
      code: 'export-too-large',
      message: `the disk is larger than 8 GiB when compressed, more than an OVA can hold`,
      hint: 'Export it as qcow2 or raw, or install less.',
    });
  }
}

/** What a header says beside name and size; none of it matters to an importer that is lenient. */
export interface MemberHeader {
  readonly format: 'ustar' | 'gnu' | 'old';
  readonly mode: number | undefined;
  /** Of the owner and the group, numbers and names. */
  readonly owners: readonly [uid: number, gid: number, user: string, group: string];
  /** The time of modification since 1970. */
  readonly seconds: number;
}

export type TarHeader =
  | { readonly type: 'end' }
  | { readonly type: 'file'; readonly member: MemberFacts; readonly header: MemberHeader }
  /** Not a file, but data that say something of the next one. */
  | { readonly type: 'pax' | 'gnu-name'; readonly dataBytes: number; readonly what: string }
  /** Something that an OVA must not have: what it is. */
  | { readonly type: 'foreign'; readonly dataBytes: number; readonly what: string }
  | { readonly type: 'damaged' };

/** Reads a member's header: whatever tar it is of, but nothing that contradicts itself. */
export function decodeMember(block: Buffer): TarHeader {
  if (block.every((byte) => byte === 0)) return { type: 'end' };
  if (octal(block, 148, 8) !== checksum(block)) return { type: 'damaged' };
  const prefix = field(block, 345, 155);
  const format = formatOf(block);
  const name =
    prefix === '' || format !== 'ustar'
      ? field(block, 0, 100)
      : `${prefix}/${field(block, 0, 100)}`;
  const kind = field(block, 156, 1);
  const sizeBytes = sizeOf(block);
  if (sizeBytes === undefined) return { type: 'damaged' };
  if (kind === 'x' || kind === 'g') {
    return { type: 'pax', dataBytes: sizeBytes, what: 'a pax header' };
  }
  if (kind !== '' && kind !== '0') {
    const what = `${KINDS[kind] ?? `an entry of type ${kind}`} (${name})`;
    if (kind === 'L') return { type: 'gnu-name', dataBytes: sizeBytes, what };
    // Links, devices, folders and pipes have no data, whatever size they claim.
    return { type: 'foreign', dataBytes: /[1-6]/.test(kind) ? 0 : sizeBytes, what };
  }
  return { type: 'file', member: { name, sizeBytes }, header: memberHeader(block, format) };
}

function memberHeader(block: Buffer, format: MemberHeader['format']): MemberHeader {
  const number = (at: number) => octal(block, at, 8) ?? 0;
  return {
    format,
    mode: octal(block, 100, 8),
    owners: [number(108), number(116), field(block, 265, 32), field(block, 297, 32)],
    seconds: octal(block, 136, 12) ?? 0,
  };
}

function formatOf(block: Buffer): MemberHeader['format'] {
  const magic = block.toString('latin1', 257, 265);
  return magic === 'ustar\x0000' ? 'ustar' : magic === 'ustar  \0' ? 'gnu' : 'old';
}

/** In octal digits, or in GNU tar's own way, which begins with a bit that no digit has. */
function sizeOf(block: Buffer): number | undefined {
  if (block.readUInt8(124) !== 0x80) return octal(block, 124, 12);
  const size = block.readBigUInt64BE(128);
  return size <= Number.MAX_SAFE_INTEGER ? Number(size) : undefined;
}

function field(block: Buffer, from: number, length: number): string {
  return block.toString('utf8', from, from + length).replace(/\0.*$/s, '');
}

function octal(block: Buffer, from: number, length: number): number | undefined {
  const text = field(block, from, length).trim();
  return /^[0-7]+$/.test(text) ? Number.parseInt(text, 8) : undefined;
}

/** The largest size that eleven octal digits can say. */
export function isTooLarge(sizeBytes: number): boolean {
  return sizeBytes > LARGEST_MEMBER_BYTES;
}

const KINDS: Readonly<Record<string, string>> = {
  '1': 'a hard link',
  '2': 'a symbolic link',
  '3': 'a device',
  '4': 'a device',
  '5': 'a folder',
  '6': 'a named pipe',
  L: 'a GNU long name',
  K: 'a GNU long link',
  S: 'a GNU sparse file',
};

/** The sum of the header's bytes, its own field taken as blanks. */
function checksum(block: Buffer): number {
  let sum = 0;
  for (const [index, byte] of block.entries()) sum += index >= 148 && index < 156 ? 32 : byte;
  return sum;
}
