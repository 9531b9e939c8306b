/**
 * A Vagrant box: a tar with a disk and Vagrant's own files, whatever tool has made it. Its members are read where
 * they are, and none gets its name on this computer.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { broken, Fault, quoted } from '../appliance/broken.ts';
import type { FaultName } from '../appliance/fault-names.ts';
import { type PackageFile, readExactly } from '../appliance/ova/members.ts';
import { openArchive, openFile, type Package } from '../lint/package.ts';
import type { Progress } from '../system/progress.ts';
import { gunzip } from './gunzip.ts';

export function isBox(path: string): boolean {
  return /\.box$/i.test(path);
}

/** What tar makes of a folder, and what an importer of OVAs would stumble over. */
const HARMLESS: readonly FaultName[] = [
  'pax-header',
  'gnu-extension',
  'not-ustar',
  'folder-entry',
  'member-in-folder',
  'member-name-strange',
  'member-too-large',
  'end-missing',
  'end-not-empty',
  'descriptor-missing',
  'descriptor-not-first',
  'manifest-misplaced',
];

export interface OpenBox extends Package {
  /** The tar, which is another file than the box where that is packed. */
  readonly path: string;
}

/**
 * For the caller to dispose of. Most boxes are packed by gzip around all: what is in those is unpacked first.
 * @throws PvmcError `file-missing`, `box-invalid`; what gunzip throws
 */
export async function openBox(path: string, progress: Progress): Promise<OpenBox> {
  const packed = await openFile(path);
  try {
    if (!(await isPacked(packed))) return await openTar(path, path);
    const folder = await mkdtemp(join(tmpdir(), 'pvmc-box-'));
    const remove = () => rm(folder, { recursive: true, force: true });
    try {
      const tar = join(folder, 'box.tar');
      await gunzip(packed, tar, progress);
      const box = await openTar(tar, path);
      return {
        ...box,
        [Symbol.asyncDispose]: async () => {
          await box[Symbol.asyncDispose]();
          await remove();
        },
      };
    } catch (thrown) {
      await remove();
      throw thrown;
    }
  } finally {
    await packed.file.close();
  }
}

async function isPacked({ file, sizeBytes }: PackageFile): Promise<boolean> {
  const begin = await readExactly(file, 0, Math.min(2, sizeBytes));
  return begin.toString('latin1') === '\x1f\u008b';
}

/** @param called the box that the tar was in */
async function openTar(path: string, called: string): Promise<OpenBox> {
  try {
    const box = await openArchive(path, (fault) => {
      if (!HARMLESS.includes(fault.fault)) throw fault;
    });
    // Packed as `./metadata.json` by many.
    const files = box.files.map((file) => ({ ...file, name: file.name.replace(/^\.\//, '') }));
    return { ...box, files, path };
  } catch (thrown) {
    if (!(thrown instanceof Fault)) throw thrown;
    const why = thrown.fault === 'not-a-tar' ? 'it is not a tar archive' : thrown.message;
    throw broken({
      code: 'box-invalid',
      message: `${quoted(basename(called))} is no box of Vagrant, or a damaged one: ${why}`,
      hint: 'Copy or download it again.',
      cause: thrown,
    });
  }
}

/** The first disk, as Vagrant's providers name it. */
export function diskOfBox(files: readonly PackageFile[]): PackageFile | undefined {
  return (
    files.find(({ name }) => name === 'box.img') ??
    files.find(({ name }) => /\.(vmdk|img|qcow2|vhdx|vhd|vdi|raw)$/i.test(name))
  );
}
