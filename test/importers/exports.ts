/** All formats of one build's disk, by the writers of pvmc, and the disk image in each of them. */
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type ExportedFile, exportAppliance } from '../../src/appliance/export.ts';
import { FORMATS } from '../../src/appliance/formats/formats.ts';
import { EXPORT_FORMAT_NAMES, type ExportFormat } from '../../src/manifest/export-formats.ts';
import { parseManifest } from '../../src/manifest/read.ts';
import { baseName as baseNameOf } from '../../src/pipeline/placed-files.ts';
import { sourceDateEpoch } from '../../src/pipeline/source-date-epoch.ts';
import { quietProgress } from '../../src/system/progress.ts';
import { run } from '../../src/system/run.ts';

export interface Exported {
  readonly format: ExportFormat;
  /** The one that users open. */
  readonly file: string;
  /** All that it consists of. */
  readonly files: readonly ExportedFile[];
  /** The disk, unpacked where it was in an archive, and what QEMU calls its format. */
  readonly image: string;
  readonly imageFormat: string;
  /** The folder that its archive was unpacked to, if it is one. */
  readonly unpacked: string | undefined;
}

export interface Exports {
  readonly disk: string;
  readonly all: readonly Exported[];
}

/** @param build a build's folder, with its disk; nothing in it is changed */
export async function exportAll(build: string, folder: string): Promise<Exports> {
  const manifestPath = join(build, 'appliance.yaml');
  const { manifest } = parseManifest(manifestPath, await readFile(manifestPath));
  const disk = join(build, 'disk.raw');
  const base = baseNameOf(manifest);
  const files = await exportAppliance(
    {
      manifest,
      diskPath: disk,
      diskFormat: 'raw',
      outputFolder: folder,
      baseName: base,
      formats: EXPORT_FORMAT_NAMES,
      sourceDateEpoch: sourceDateEpoch(),
    },
    quietProgress(),
  );
  const all: Exported[] = [];
  for (const format of EXPORT_FORMAT_NAMES) {
    const own = files.filter((file) => file.format === format);
    all.push(
      await unpack({ format, files: own, baseName: base }, join(folder, 'unpacked', format)),
    );
  }
  return { disk, all };
}

interface Finished extends Pick<Exported, 'format' | 'files'> {
  readonly baseName: string;
}

async function unpack({ format, files, baseName }: Finished, folder: string): Promise<Exported> {
  const { proof } = FORMATS[format];
  const file = files[0]?.path ?? '';
  const base = { format, file, files };
  await mkdir(folder, { recursive: true });
  if (proof.type === 'ova' || proof.member !== undefined) {
    await run(['tar', '-xf', file, '-C', folder]);
    const member = proof.type === 'ova' ? undefined : proof.member;
    const name = member ?? (await readdir(folder)).find((each) => each.endsWith('.vmdk')) ?? '';
    const imageFormat = proof.type === 'ova' ? 'vmdk' : proof.qemuFormat;
    return { ...base, image: join(folder, name), imageFormat, unpacked: folder };
  }
  const name = `/${proof.fileName(baseName)}`;
  const image = files.find(({ path }) => path.endsWith(name))?.path ?? file;
  const plain = { ...base, imageFormat: proof.qemuFormat, unpacked: undefined };
  if (proof.packedBy === undefined) return { ...plain, image };
  const path = join(folder, 'disk.raw');
  await run([proof.packedBy, '-d', '-q', '--sparse', '-o', path, image]);
  return { ...plain, image: path };
}
