/** A file system as it is looked at: the same words for those that appliances have. */
import { isUtf8 } from 'node:buffer';
import type { ByteSource, Run } from './byte-source.ts';

export type FileType =
  | 'file'
  | 'folder'
  | 'link'
  | 'character device'
  | 'block device'
  | 'pipe'
  | 'socket';

export interface FileEntry {
  /** From the file system's root: `/etc/motd`. Bytes that are no UTF-8 are written `\xff`. */
  readonly path: string;
  readonly type: FileType;
  /** The same number for several names of one file. */
  readonly identity: number;
  /** Permission bits, setuid and sticky ones included; undefined where there are none. */
  readonly mode: number | undefined;
  /** Numbers of user and group, `0:0`; undefined where there are none. */
  readonly owner: string | undefined;
  /** Of a file's content; 0 for anything else. */
  readonly sizeBytes: number;
  /** What it takes on the disk. */
  readonly usedBytes: number;
  readonly modifiedSeconds: number;
  /** Of a link. */
  readonly target?: string;
  /** Of a device: `8:1`. */
  readonly device?: string;
  /** Extended attributes: access lists, capabilities. Values as hexadecimal digits. */
  readonly attributes: Readonly<Record<string, string>>;
}

export interface FileSystem {
  readonly kind: 'ext' | 'fat';
  /** `ext4`, `FAT32` */
  readonly name: string;
  readonly label: string;
  readonly id: string;
  readonly sizeBytes: number;
  readonly freeBytes: number;
  /** Everything below the root, in no particular order. @throws PvmcError `disk-invalid` */
  entries(signal: AbortSignal): AsyncGenerator<FileEntry>;
  /** The content of an entry of type `file`. @throws PvmcError `disk-invalid` */
  content(entry: FileEntry): Promise<ByteSource>;
  /** Where that is in the partition. */
  runs(entry: FileEntry): Promise<readonly Run[]>;
}

/** More than any appliance has; a hostile disk would go on until memory is full. */
export const MOST_ENTRIES = 2 ** 21;
/** As Linux has it, PATH_MAX, and folders in a circle would not end. */
export const LONGEST_PATH = 4096;

/** A name of any bytes as text. */
export function nameOf(bytes: Buffer): string {
  if (isUtf8(bytes)) return bytes.toString('utf8');
  return bytes
    .toString('latin1')
    .replaceAll(
      /[\u0080-\u00ff]/g,
      (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`,
    );
}

/** 16 bytes as UUIDs are written. */
export function uuidOf(bytes: Buffer): string {
  return bytes
    .toString('hex', 0, 16)
    .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

/** A text that fills up its place with zeros. */
export function textOf(bytes: Buffer): string {
  const end = bytes.indexOf(0);
  return nameOf(end < 0 ? bytes : bytes.subarray(0, end));
}
