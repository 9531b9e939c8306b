/**
 * Stage 6: from the machine's disk to the files that users receive. The disk is read once, and all formats
 * are written side by side from what is read. All files are finished under provisional names before the
 * first of them gets its own: a failure leaves an earlier export as it was.
 */
import { open } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { ExportFormat } from '../manifest/export-formats.ts';
import type { Manifest } from '../manifest/schema.ts';
import { PvmcError } from '../system/error.ts';
import type { Progress } from '../system/progress.ts';
import { run } from '../system/run.ts';
import { readSideBySide } from './branches.ts';
import { dataBytesOf } from './disk-data.ts';
import { type DiskFormat, type DiskImage, type DiskMap, mapDisk } from './disk-extents.ts';
import { type DiskPiece, diskPieces } from './disk-pieces.ts';
import { FORMATS } from './formats/formats.ts';
import { OutputFiles } from './output-files.ts';
import { ensureFolder, PartialFile } from './partial-file.ts';
import { proveKey, type Signer } from './signature/signer.ts';

export interface ExportRequest {
  readonly manifest: Manifest;
  /** The machine's disk; nobody writes to it any more. */
  readonly diskPath: string;
  readonly diskFormat: DiskFormat;
  /** Made if it is missing. */
  readonly outputFolder: string;
  /** The files' name without its ending. */
  readonly baseName: string;
  readonly formats: readonly ExportFormat[];
  /** Seconds since 1970. */
  readonly sourceDateEpoch: number;
  /** Who signs the packages (OVA, OVF), if anybody does. */
  readonly signer?: Signer | undefined;
  /** Asked when all is written and nothing has its name yet; what it throws ends the export without files. */
  readonly accept?: (sizes: ExportSizes) => Promise<void>;
}

export interface ExportSizes {
  readonly files: readonly ExportedFile[];
  /** What of the disk is not zeros, in whole grains of 64 KiB: the same wherever the disk is stored. */
  readonly dataBytes: number;
}

/** A file that users receive. Beside it lies another one with its checksum (checksums.ts). */
export interface ExportedFile {
  /** One that gives several files has several of these, first the one that users open. */
  readonly format: ExportFormat;
  readonly path: string;
  readonly sizeBytes: number;
  readonly sha256: string;
}

/** An image whose data can be read at the offsets of its map. */
interface ReadableDisk {
  readonly image: DiskImage;
  readonly map: DiskMap;
}

/**
 * Writes the disk in every format. Amounts are bytes of the disk's data.
 * @throws PvmcError `output-full`, `output-not-writable`, `output-too-large`, `export-too-large`,
 * `export-name-too-long`, `disk-unreadable`, `disk-empty`; the signal's reason when it was aborted
 */
export async function exportAppliance(
  request: ExportRequest,
  progress: Progress,
): Promise<readonly ExportedFile[]> {
  progress.signal.throwIfAborted();
  if (request.signer) await proveKey(request.signer);
  await ensureFolder(request.outputFolder);
  const image: DiskImage = { path: resolve(request.diskPath), format: request.diskFormat };
  const map = await mapDisk(image, progress);
  if (map.readableBy === 'file') return writeFormats(request, { image, map }, progress);
  // Compressed or layered images are rare here: qemu-img unpacks them first.
  await using unpacked = new PartialFile(
    join(request.outputFolder, `${request.baseName}.unpacked`),
  );
  await unpacked.write(async () => {});
  const argv = ['qemu-img', 'convert', '-f', image.format, '-O', 'raw', image.path, unpacked.path];
  await run(argv, { signal: progress.signal, log: (line, from) => progress.log(line, from) });
  const plain: DiskImage = { path: unpacked.path, format: 'raw' };
  const plainMap = await mapDisk(plain, progress);
  return writeFormats(request, { image: plain, map: plainMap }, progress);
}

async function writeFormats(
  request: ExportRequest,
  { image, map }: ReadableDisk,
  progress: Progress,
): Promise<readonly ExportedFile[]> {
  const { manifest, baseName, sourceDateEpoch, outputFolder, signer } = request;
  const signing = signer ? 'signed' : 'unsigned';
  const { sizeBytes } = map;
  const formats = [...new Set(request.formats)];
  await using files = new OutputFiles(outputFolder, progress.signal);
  const writers = formats.map((name) => (pieces: AsyncIterable<DiskPiece>) => {
    const format = FORMATS[name];
    const output = files.outputFor(format.fileNames(baseName, signing));
    const disk = { sizeBytes, pieces };
    return format.write({
      manifest,
      baseName,
      sourceDateEpoch,
      disk,
      image,
      signer,
      progress,
      output,
    });
  });
  await using source = await openDisk(image);
  const tell = (done: number) =>
    progress.amount({ done: Math.min(done, map.dataBytes), total: map.dataBytes, unit: 'bytes' });
  tell(0);
  const pieces = diskPieces({
    file: source,
    map,
    forms: formats.flatMap((name) => FORMATS[name].forms),
    signal: progress.signal,
    onProgress: tell,
  });
  let dataBytes = 0;
  const count = async (all: AsyncIterable<DiskPiece>) => {
    for await (const piece of all) dataBytes += dataBytesOf(piece);
  };
  await readSideBySide(pieces, [...writers, count]);
  progress.signal.throwIfAborted();
  tell(map.dataBytes);
  const exported = formats.flatMap((format) =>
    FORMATS[format]
      .fileNames(baseName, signing)
      .map((name) => ({ format, path: join(outputFolder, name), ...files.written(name) })),
  );
  await request.accept?.({ files: exported, dataBytes });
  await files.finish();
  return exported;
}

async function openDisk(disk: DiskImage) {
  try {
    return await open(disk.path, 'r');
  } catch (thrown) {
    throw new PvmcError({
      kind: 'host',
      code: 'disk-unreadable',
      message: `the disk image ${disk.path} cannot be opened: ${thrown instanceof Error ? thrown.message : String(thrown)}`,
      cause: thrown,
    });
  }
}
