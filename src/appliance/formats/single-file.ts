/** Formats that are one file with the disk, written in any order. */
import type { FileHandle } from 'node:fs/promises';
import type { DiskShape } from '../disk-pieces.ts';
import { SparseDigest } from '../sparse-digest.ts';
import type { Format, FormatJob, Proof } from './format.ts';

interface SingleFile extends Pick<Format, 'room'> {
  /** Of the file's name. */
  readonly ending: string;
  /** What `pvmc plan` says of it. */
  readonly details: string;
  readonly forms?: Format['forms'];
  readonly proof: Pick<Extract<Proof, { type: 'disk' }>, 'qemuFormat' | 'packedBy'>;
  readonly write: (file: FileHandle, job: SingleFileJob) => Promise<void>;
}

interface SingleFileJob extends Pick<FormatJob, 'sourceDateEpoch' | 'progress'> {
  readonly fileName: string;
  readonly disk: DiskShape;
  /** What identifiers of the disk are derived from. */
  readonly seed: readonly string[];
}

interface HashedFile extends Omit<SingleFile, 'write'> {
  readonly write: (
    file: FileHandle,
    job: SingleFileJob & { readonly digest: SparseDigest },
  ) => Promise<void>;
}

/** Hashed when it is written. */
export function singleFile({ write, ...one }: SingleFile): Format {
  return formatOf(one, async (file, job) => {
    await write(file, job);
    return undefined;
  });
}

/** For those that are as large as the disk: reading their holes again would take as long as reading bytes. */
export function hashedFile({ write, ...one }: HashedFile): Format {
  return formatOf(one, async (file, job) => {
    const digest = new SparseDigest(job.progress.signal);
    await write(file, { ...job, digest });
    return digest.finish((await file.stat()).size);
  });
}

function formatOf(
  { ending, details, forms = [], room, proof }: Omit<SingleFile, 'write'>,
  write: (file: FileHandle, job: SingleFileJob) => Promise<string | undefined>,
): Format {
  const nameOf = (baseName: string) => `${baseName}${ending}`;
  return {
    forms,
    fileNames: (baseName) => [nameOf(baseName)],
    details: [details],
    room,
    proof: { type: 'disk', fileName: nameOf, ...proof },
    write: async ({ manifest, baseName, sourceDateEpoch, disk, progress, output }) => {
      const fileName = nameOf(baseName);
      const seed = [baseName, manifest.version, String(disk.sizeBytes)];
      await output.file(fileName, (file) =>
        write(file, { fileName, disk, seed, sourceDateEpoch, progress }),
      );
    },
  };
}
