/** The file system that a path is on: its kind, its room, and which other paths share it. */
import { stat, statfs } from 'node:fs/promises';

export interface FileSystem {
  /** `ext4`, `tmpfs`; a number when we do not know it. */
  readonly name: string;
  /** What this user may still use. */
  readonly freeBytes: number;
  /** Files that can still be made; undefined where they are not counted. */
  readonly freeFiles: number | undefined;
  /** The same for paths on the same file system. */
  readonly device: number;
}

/** Of an existing path. */
export async function fileSystemAt(path: string): Promise<FileSystem> {
  const { type, bavail, bsize, files, ffree } = await statfs(path);
  return {
    name: NAMES.get(type) ?? `file system 0x${type.toString(16)}`,
    freeBytes: bavail * bsize,
    freeFiles: files === 0 ? undefined : ffree,
    device: (await stat(path)).dev,
  };
}

/** statfs(2). */
const NAMES: ReadonlyMap<number, string> = new Map([
  [0xef53, 'ext4'],
  [0x58465342, 'xfs'],
  [0x9123683e, 'btrfs'],
  [0x2fc12fc1, 'zfs'],
  [0xf2f52010, 'f2fs'],
  [0xca451a4e, 'bcachefs'],
  [0x01021994, 'tmpfs'],
  [0x858458f6, 'ramfs'],
  [0x794c7630, 'overlay'],
  [0x6969, 'nfs'],
  [0xff534d42, 'cifs'],
  [0xfe534d42, 'smb'],
  [0x01021997, '9p'],
  [0x65735546, 'fuse'],
  [0x4d44, 'vfat'],
  [0x2011bab0, 'exfat'],
  [0x7366746e, 'ntfs'],
  [0x73717368, 'squashfs'],
]);
