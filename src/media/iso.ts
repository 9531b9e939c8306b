/**
 * The PVMC ISO: a base and one manifest's files, bootable under BIOS and UEFI, as a CD and, written
 * to it as it is, from a USB stick. Takes seconds; the same inputs give the same bits.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { chmod, mkdir, mkdtemp, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { PvmcError, systemCodeOf } from '../system/error.ts';
import type { Progress } from '../system/progress.ts';
import { Releases } from '../system/releases.ts';
import { run } from '../system/run.ts';
import { sha256Of } from '../system/sha256.ts';
import type { MediumBase } from './base.ts';
import { writeEspImage } from './esp.ts';
import { efiStartConfiguration, grubConfiguration, mediumMarkerPath } from './grub.ts';
import { BASE_FILES, MEDIUM_PATHS } from './layout.ts';

/** A file for the medium, from the host or written here. */
export type MediumFile =
  | { readonly path: string; readonly hostPath: string }
  | { readonly path: string; readonly content: string | Uint8Array };

export interface IsoOptions {
  readonly base: Pick<MediumBase, 'id' | 'folder'>;
  /** Paths are relative to the medium's root: `pvmc/installation.json`. */
  readonly payload: readonly MediumFile[];
  readonly outputPath: string;
  readonly sourceDateEpoch: number;
  /** At most 32 of A-Z, 0-9 and _. */
  readonly volumeId: string;
}

export interface Iso {
  readonly path: string;
  readonly sizeBytes: number;
  /** The hash of what is on it, which the running medium is found by. */
  readonly mediumId: string;
}

/**
 * Writes the ISO image beside its final path first, so that a half one never bears its name.
 * @throws PvmcError `no-space`, `program-failed`, `program-missing`; the signal's reason when it was aborted.
 */
export async function assembleIso(options: IsoOptions, progress: Progress): Promise<Iso> {
  try {
    return await assemble(options, progress);
  } catch (thrown) {
    throw isForLackOfSpace(thrown) ? noSpace(options.outputPath, thrown) : thrown;
  }
}

async function assemble(options: IsoOptions, progress: Progress): Promise<Iso> {
  const { outputPath, sourceDateEpoch } = options;
  await using releases = new Releases();
  await mkdir(dirname(outputPath), { recursive: true });
  const work = await mkdtemp(join(dirname(outputPath), `.${basename(outputPath)}-`));
  releases.add(work, () => rm(work, { recursive: true, force: true }));
  const mediumId = await mediumIdOf(options);
  const espPath = join(work, 'esp.img');
  const efiStart = efiStartConfiguration(mediumId);
  await writeEspImage(
    {
      path: espPath,
      sourceDateEpoch,
      efiProgramPath: join(options.base.folder, BASE_FILES.efiProgram),
      configuration: efiStart,
    },
    progress,
  );
  const content = await onHost([...bootFiles(options, mediumId), ...options.payload], work);
  const checksums = { path: MEDIUM_PATHS.checksums, hostPath: join(work, 'sha256sums') };
  await writeFile(checksums.hostPath, await checksumsOf(content, progress.signal));
  const files = [...content, checksums];
  const image = join(work, 'image.iso');
  const list = join(work, 'paths');
  await writeFile(list, files.map(graftPoint).join(''));
  await run(xorrisoCommand({ ...options, image, espPath, list }), {
    signal: progress.signal,
    log: (line, origin) => progress.log(line, origin),
    env: { SOURCE_DATE_EPOCH: String(sourceDateEpoch) },
  });
  // It holds what the manifest holds: password hashes, and whatever the files say.
  await chmod(image, 0o600);
  await rename(image, outputPath);
  return { path: outputPath, sizeBytes: (await stat(outputPath)).size, mediumId };
}

/** xorriso looks first whether there is room for the image, and tells it among many lines of its own. */
const NO_SPACE = /exceeds free space|No space left on device/;

function isForLackOfSpace(thrown: unknown): boolean {
  if (thrown instanceof PvmcError) return NO_SPACE.test(thrown.details.join());
  return systemCodeOf(thrown) === 'ENOSPC';
}

function noSpace(outputPath: string, cause: unknown): PvmcError {
  return new PvmcError({
    kind: 'host',
    code: 'no-space',
    message: `no space is left to write the PVMC ISO ${outputPath}`,
    hint: 'Free some 200 MB there, or choose another folder: pvmc build --output FOLDER.',
    cause,
  });
}

/** The base and the payload, byte for byte, in 32 hexadecimal digits. */
async function mediumIdOf({ base, payload, sourceDateEpoch }: IsoOptions): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify([base.id, sourceDateEpoch]));
  for (const file of [...payload].sort((a, b) => (a.path < b.path ? -1 : 1))) {
    hash.update(`\0${file.path}\0`);
    if ('content' in file) hash.update(file.content);
    else await pipeline(createReadStream(file.hostPath), hash, { end: false });
  }
  return hash.digest('hex').slice(0, 32);
}

function bootFiles({ base }: IsoOptions, mediumId: string): readonly MediumFile[] {
  const fromBase = (path: string, name: string) => ({ path, hostPath: join(base.folder, name) });
  return [
    fromBase(MEDIUM_PATHS.kernel, BASE_FILES.kernel),
    fromBase(MEDIUM_PATHS.initrd, BASE_FILES.initrd),
    fromBase(MEDIUM_PATHS.biosImage, BASE_FILES.biosImage),
    fromBase(MEDIUM_PATHS.system, BASE_FILES.system),
    { path: MEDIUM_PATHS.grubConfiguration, content: grubConfiguration(mediumId) },
    { path: MEDIUM_PATHS.efiConfiguration, content: efiStartConfiguration(mediumId) },
    { path: MEDIUM_PATHS.mediumId, content: `${mediumId}\n` },
    { path: mediumMarkerPath(mediumId), content: '' },
  ];
}

interface HostFile {
  readonly path: string;
  readonly hostPath: string;
}

/** Writes what is given as content, so that xorriso finds every file on the host. */
async function onHost(files: readonly MediumFile[], work: string): Promise<readonly HostFile[]> {
  return Promise.all(
    files.map(async (file, index) => {
      if ('hostPath' in file) return file;
      const hostPath = join(work, `content-${index}`);
      await writeFile(hostPath, file.content);
      return { path: file.path, hostPath };
    }),
  );
}

/** As sha256sum reads it: every file but the one that xorriso writes an address into. */
async function checksumsOf(files: readonly HostFile[], signal: AbortSignal): Promise<string> {
  const listed = files.filter(({ path }) => path !== MEDIUM_PATHS.biosImage);
  const lines = await Promise.all(
    listed.map(async ({ path, hostPath }) => `${await sha256Of(hostPath, signal)}  ${path}\n`),
  );
  return lines.sort((a, b) => (a.slice(64) < b.slice(64) ? -1 : 1)).join('');
}

/** xorriso's own quoting: `=` and backslash have a meaning in both paths. */
function graftPoint({ path, hostPath }: HostFile): string {
  const quote = (text: string) => text.replace(/[\\=]/g, '\\$&');
  return `${quote(`/${path}`)}=${quote(hostPath)}\n`;
}

interface XorrisoJob extends IsoOptions {
  readonly image: string;
  readonly espPath: string;
  readonly list: string;
}

function xorrisoCommand(job: XorrisoJob): readonly string[] {
  const date = xorrisoDate(job.sourceDateEpoch);
  const grouped: readonly (readonly string[])[] = [
    ['xorriso', '-as', 'mkisofs', '-quiet', '-o', job.image, '-graft-points'],
    ['-volid', job.volumeId, '-appid', 'PVMC', '-iso-level', '3', '-rational-rock', '-joliet'],
    ['-uid', '0', '-gid', '0', '-dir-mode', '0755', '-file-mode', '0644'],
    // All that xorriso would draw at random or take from the clock.
    [`--modification-date=${date}`, '--set_all_file_dates', date],
    ['--gpt_disk_guid', 'modification-date'],
    // BIOS: El Torito on a CD; on a stick, an MBR that loads the same GRUB.
    ['-eltorito-boot', MEDIUM_PATHS.biosImage, '-no-emul-boot', '-boot-load-size', '4'],
    ['-boot-info-table', '--grub2-boot-info'],
    ['--grub2-mbr', join(job.base.folder, BASE_FILES.hybridBoot)],
    // UEFI: the EFI system partition, listed in El Torito, GPT and MBR.
    ['-eltorito-alt-boot', '-e', '--interval:appended_partition_2:all::', '-no-emul-boot'],
    ['-append_partition', '2', '0xef', job.espPath, '-appended_part_as_gpt'],
    ['-path-list', job.list],
  ];
  return grouped.flat();
}

/** `YYYYMMDDhhmmsscc`, in UTC. */
function xorrisoDate(epochSeconds: number): string {
  const digits = new Date(epochSeconds * 1000).toISOString().replace(/\D/g, '');
  return `${digits.slice(0, 14)}00`;
}
