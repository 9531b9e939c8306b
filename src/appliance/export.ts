/**
 * Stage 6: from the machine's disk to the files that users receive. All formats are finished under
 * provisional names before the first of them gets its own: a failure leaves an earlier export as it was.
 */
import { open, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Manifest } from '../manifest/schema.ts';
import { PvmcError } from '../system/error.ts';
import { derivedContentId } from '../system/identity.ts';
import type { Progress } from '../system/progress.ts';
import { run } from '../system/run.ts';
import { sha256Of } from '../system/sha256.ts';
import { type DiskFormat, type DiskImage, type DiskMap, mapDisk } from './disk-extents.ts';
import { ovaNames, writeOva } from './ova/writer.ts';
import { ovfDescriptor } from './ovf/descriptor.ts';
import { ensureFolder, outputFull, PartialFile } from './partial-file.ts';
import { streamOptimizedVmdk } from './vmdk/writer.ts';

type ExportFormat = Manifest['exports'][number];

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
}

export interface ExportedFile {
  readonly format: ExportFormat;
  readonly path: string;
  readonly sizeBytes: number;
  readonly sha256: string;
}

interface Work {
  readonly request: ExportRequest;
  readonly disk: DiskImage;
  readonly map: DiskMap;
  readonly progress: Progress;
  /** Takes how many bytes of the disk's data this format has got. */
  readonly onProgress: (dataBytes: number) => void;
}

/**
 * Writes the disk in every format. Amounts are bytes of the disk's data, once for each format.
 * @throws PvmcError `output-full`, `output-not-writable`, `output-too-large`, `export-too-large`,
 * `export-name-too-long`, `disk-unreadable`, `disk-empty`; the signal's reason when it was aborted
 */
export async function exportAppliance(
  request: ExportRequest,
  progress: Progress,
): Promise<readonly ExportedFile[]> {
  progress.signal.throwIfAborted();
  await ensureFolder(request.outputFolder);
  const disk: DiskImage = { path: resolve(request.diskPath), format: request.diskFormat };
  const map = await mapDisk(disk, progress);
  const formats = [...new Set(request.formats)];
  const total = map.dataBytes * formats.length;
  const files: { readonly format: ExportFormat; readonly partial: PartialFile }[] = [];
  try {
    for (const [index, format] of formats.entries()) {
      const path = join(request.outputFolder, `${request.baseName}.${format}`);
      const partial = new PartialFile(path);
      files.push({ format, partial });
      const before = map.dataBytes * index;
      const onProgress = (dataBytes: number) =>
        progress.amount({
          done: before + Math.min(dataBytes, map.dataBytes),
          total,
          unit: 'bytes',
        });
      onProgress(0);
      await WRITERS[format](partial, { request, disk, map, progress, onProgress });
      onProgress(map.dataBytes);
    }
    const digests: string[] = [];
    for (const { partial } of files) digests.push(await sha256Of(partial.path, progress.signal));
    for (const { partial } of files) await partial.finish();
    return await Promise.all(
      files.map(async ({ format, partial }, index) => ({
        format,
        path: partial.finalPath,
        sizeBytes: (await stat(partial.finalPath)).size,
        sha256: digests[index] ?? '',
      })),
    );
  } finally {
    for (const { partial } of files) await partial[Symbol.asyncDispose]();
  }
}

const WRITERS: Readonly<Record<ExportFormat, (file: PartialFile, work: Work) => Promise<void>>> = {
  ova: writeOvaFile,
  qcow2: (file, work) => convert(file, work, ['-c', '-O', 'qcow2', '-o', 'compat=1.1']),
  raw: (file, work) => convert(file, work, ['-O', 'raw']),
};

async function writeOvaFile(partial: PartialFile, work: Work): Promise<void> {
  if (work.map.readableBy === 'file') return writeOvaFrom(partial, work);
  // Compressed or layered images are rare here: qemu-img unpacks them first.
  await using unpacked = new PartialFile(`${partial.finalPath}.raw`);
  const { progress } = work;
  await convert(unpacked, { ...work, onProgress: () => {} }, ['-O', 'raw']);
  const disk: DiskImage = { path: unpacked.path, format: 'raw' };
  const map = await mapDisk(disk, progress);
  await writeOvaFrom(partial, { ...work, disk, map });
}

async function writeOvaFrom(partial: PartialFile, work: Work): Promise<void> {
  const { request, disk, map, progress, onProgress } = work;
  const { manifest, baseName, sourceDateEpoch } = request;
  const source = await openDisk(disk);
  const names = ovaNames(baseName);
  // The largest that it can become, until all is written.
  let populatedBytes = map.sizeBytes;
  try {
    const vmdk = streamOptimizedVmdk({
      file: source,
      map,
      identity: {
        name: names.disk,
        contentId: derivedContentId(baseName, manifest.version, String(map.sizeBytes)),
      },
      signal: progress.signal,
      onProgress: ({ dataBytes, storedBytes }) => {
        populatedBytes = Math.min(storedBytes, map.sizeBytes);
        onProgress(dataBytes);
      },
    });
    await partial.write((file) =>
      writeOva(file, {
        names,
        sourceDateEpoch,
        files: [{ name: names.disk, content: vmdk }],
        descriptor: ([written]) =>
          ovfDescriptor(manifest, {
            fileName: names.disk,
            sizeBytes: written?.sizeBytes ?? 0,
            capacityBytes: map.sizeBytes,
            populatedBytes,
          }),
      }),
    );
  } finally {
    await source.close();
  }
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

/** Lets qemu-img write the file. */
async function convert(partial: PartialFile, work: Work, to: readonly string[]): Promise<void> {
  const { disk, map, progress, onProgress } = work;
  // Opened here first: what the system says about the folder is clearer than what qemu-img says.
  await partial.write(async () => {});
  const argv = ['qemu-img', 'convert', '-p', '-f', disk.format, ...to, disk.path, partial.path];
  try {
    await run(argv, {
      signal: progress.signal,
      log: (line, origin) => {
        const percent = /\(([\d.]+)\/100%\)/.exec(line)?.[1];
        if (percent === undefined) progress.log(line, origin);
        else onProgress(Math.floor((Number(percent) / 100) * map.dataBytes));
      },
    });
  } catch (thrown) {
    const said = thrown instanceof PvmcError ? thrown.details.join('\n') : '';
    throw said.includes('No space left on device') ? outputFull(partial.finalPath, thrown) : thrown;
  }
  await partial.sync();
}
