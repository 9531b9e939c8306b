/**
 * What an export format is. Each has a file in this folder or one of its own beside it, and its line in
 * `formats.ts`; its name and what it is for stand in manifest/export-formats.ts.
 */
import type { FileHandle } from 'node:fs/promises';
import type { Manifest } from '../../manifest/schema.ts';
import type { Progress } from '../../system/progress.ts';
import type { GrainForm } from '../deflate/deflater-source.ts';
import type { DiskImage } from '../disk-extents.ts';
import type { DiskShape } from '../disk-pieces.ts';
import type { Signer } from '../signature/signer.ts';

/** Whether a package (OVA, OVF) carries a signature. */
export type Signing = 'signed' | 'unsigned';

export interface Format {
  /** What it wants of each piece beside the bytes. */
  readonly forms: readonly GrainForm[];
  /**
   * The files that it writes, all of them, relative to the output folder; a folder is allowed. The first is
   * the one that users open.
   */
  readonly fileNames: (baseName: string, signing?: Signing) => readonly [string, ...string[]];
  /** What `pvmc plan` says of it, one line each. */
  readonly details: readonly string[];
  /** Whether it is a package that carries a signature, where somebody signs. */
  readonly isSigned?: true;
  /** What it takes on the host's disk: as much as the data do when they are deflated, or as they are. */
  readonly room: 'deflated' | 'plain';
  /** How stage 7 gets at the disk in it. */
  readonly proof: Proof;
  /**
   * Writes the files. It reads its pieces to the end, or leaves their iteration; what is behind them it
   * may do in its own time.
   */
  readonly write: (job: FormatJob) => Promise<void>;
}

export type Proof =
  /** The first of the files is an OVA. */
  | { readonly type: 'ova' }
  /** A file that qemu-img reads, and what it calls the format. */
  | {
      readonly type: 'disk';
      readonly fileName: (baseName: string) => string;
      /** It is a tar, and this in it is the disk. */
      readonly member?: string;
      readonly qemuFormat: 'raw' | 'qcow2' | 'vmdk' | 'vhdx' | 'vpc' | 'vdi';
      /** The program that has to unpack it first (`-d`). */
      readonly packedBy?: 'zstd';
    };

export interface FormatJob {
  readonly manifest: Manifest;
  /** The name and version, `hello-1.0.0`: what file names begin with. */
  readonly baseName: string;
  /** Seconds since 1970: the only time that may be written anywhere. */
  readonly sourceDateEpoch: number;
  /** This format's own branch of the pieces. */
  readonly disk: DiskShape;
  /** For those that let qemu-img read it once more. */
  readonly image: DiskImage;
  /** Who signs, if anybody does. */
  readonly signer?: Signer | undefined;
  readonly progress: Progress;
  readonly output: FormatOutput;
}

/** What was written, as other files may have to tell it. */
export interface Written {
  readonly sizeBytes: number;
  readonly sha256: string;
}

/** Where a format puts its files. Each name is one of `fileNames`, and written once. */
export interface FormatOutput {
  /** From the first byte to the last; hashed on the way. */
  readonly stream: (
    name: string,
    content: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
    mode?: number,
  ) => Promise<Written>;
  /** An empty file, to be written in any order. Hashed afterwards, unless `work` knows the digest. */
  readonly file: (
    name: string,
    work: (file: FileHandle) => Promise<string | undefined>,
    mode?: number,
  ) => Promise<Written>;
  /** By another program: the path is that of an empty file. */
  readonly program: (name: string, work: (path: string) => Promise<void>) => Promise<Written>;
}
