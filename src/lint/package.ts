/** The files that belong together: the members of an OVA, or an OVF and what lies beside it. */
import { realpath, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Report } from '../appliance/broken.ts';
import { MOST_MEMBERS, type OvaMember, type PackageFile } from '../appliance/ova/members.ts';
import { referencedFiles } from '../appliance/ovf/facts.ts';
import { openForReading, openOva, readDescriptor } from '../appliance/read-ova.ts';
import { PvmcError } from '../system/error.ts';

export interface Package extends AsyncDisposable {
  readonly files: readonly PackageFile[];
  /** Undefined for an OVF, whose files are in no archive. */
  readonly members: readonly OvaMember[] | undefined;
}

/** For the caller to dispose of. @throws PvmcError `file-missing`, `ova-unreadable` */
export async function openArchive(path: string, report: Report): Promise<Package> {
  const ova = await openOva(path, { report, called: 'the archive' });
  const { members } = ova;
  return { files: members, members, [Symbol.asyncDispose]: () => ova[Symbol.asyncDispose]() };
}

/** A file by itself, for the caller to close. @throws PvmcError `file-missing`, `ova-unreadable` */
export async function openFile(path: string): Promise<PackageFile> {
  const file = await openForReading(path);
  const { size } = await file.stat();
  return { name: basename(path), sizeBytes: size, file, offset: 0 };
}

/**
 * A descriptor with its manifest, its certificate and the files that it names, as far as they are there. No
 * other file is looked at, and none of another folder, neither by its name nor through a link. For the caller
 * to dispose of.
 * @throws PvmcError `file-missing`, `ova-unreadable`
 */
export async function openFolder(path: string): Promise<Package> {
  const files: PackageFile[] = [];
  const close = async () => {
    for (const { file } of files) await file.close();
  };
  try {
    files.push(await openFile(path));
    const base = basename(path).replace(/\.ovf$/i, '');
    const names = [`${base}.mf`, `${base}.cert`, ...(await namedFiles(files))];
    for (const name of new Set(names)) {
      const file = await openIfThere(dirname(path), name);
      if (file) files.push(file);
    }
    return { files, members: undefined, [Symbol.asyncDispose]: close };
  } catch (thrown) {
    await close();
    throw thrown;
  }
}

/** Names that lead elsewhere are left alone: the rules tell of them. */
async function namedFiles(files: readonly PackageFile[]): Promise<readonly string[]> {
  try {
    using descriptor = await readDescriptor(files);
    const names = referencedFiles(descriptor, () => {}).map(({ name }) => name);
    return names
      .filter((name) => name !== '' && !/[/\\]/.test(name) && !name.startsWith('.'))
      .slice(0, MOST_MEMBERS);
  } catch (thrown) {
    // The rules tell of that too.
    if (thrown instanceof PvmcError) return [];
    throw thrown;
  }
}

/** What a link of a foreign folder leads to would be packed, and sent on with the rest. */
async function openIfThere(folder: string, name: string): Promise<PackageFile | undefined> {
  const path = join(folder, name);
  try {
    const isInside = dirname(await realpath(path)) === (await realpath(folder));
    if (!isInside || !(await stat(path)).isFile()) return undefined;
  } catch {
    // Also a name that no file can have, and a link to itself.
    return undefined;
  }
  return openFile(path);
}
