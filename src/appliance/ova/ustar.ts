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
const LONGEST_NAME_BYTES = 100;

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
  const octal = (value: number, digits: number, at: number) =>
    block.write(`${value.toString(8).padStart(digits, '0')}\0`, at, 'latin1');
  block.write(name, 0, 'utf8');
  octal(0o644, 7, 100);
  octal(0, 7, 108);
  octal(0, 7, 116);
  octal(sizeBytes, 11, 124);
  octal(Math.min(Math.max(Math.trunc(seconds), 0), LARGEST_MEMBER_BYTES), 11, 136);
  block.write('        0', 148, 'latin1');
  block.write('ustar\x0000', 257, 'latin1');
  octal(0, 7, 329);
  octal(0, 7, 337);
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

export type TarHeader =
  | { readonly type: 'end' }
  | { readonly type: 'file'; readonly member: MemberFacts }
  /** Something that an OVA must not have: what it is. */
  | { readonly type: 'foreign'; readonly what: string }
  | { readonly type: 'damaged' };

/** Reads a member's header, strictly. */
export function decodeMember(block: Buffer): TarHeader {
  if (block.every((byte) => byte === 0)) return { type: 'end' };
  const field = (from: number, length: number) =>
    block.toString('utf8', from, from + length).replace(/\0.*$/s, '');
  const octal = (from: number, length: number) => {
    const text = field(from, length).trim();
    return /^[0-7]+$/.test(text) ? Number.parseInt(text, 8) : undefined;
  };
  if (octal(148, 8) !== checksum(block)) return { type: 'damaged' };
  const prefix = field(345, 155);
  const name = prefix === '' ? field(0, 100) : `${prefix}/${field(0, 100)}`;
  const kind = field(156, 1);
  const isUstar = block.toString('latin1', 257, 265) === 'ustar\x0000';
  if (kind === 'x' || kind === 'g') return { type: 'foreign', what: 'a pax header' };
  if (kind !== '' && kind !== '0') {
    return { type: 'foreign', what: `${KINDS[kind] ?? `an entry of type ${kind}`} (${name})` };
  }
  if (!isUstar) return { type: 'foreign', what: `a header that is not ustar (${name})` };
  const sizeBytes = octal(124, 12);
  if (sizeBytes === undefined) return { type: 'damaged' };
  return { type: 'file', member: { name, sizeBytes } };
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
