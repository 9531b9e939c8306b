/**
 * A Vagrant box: a tar with a disk and Vagrant's own files, whatever tool has made it. Its members are read where
 * they are, and none gets its name on this computer.
 */
import { basename } from 'node:path';
import { broken, Fault, quoted } from '../appliance/broken.ts';
import type { FaultName } from '../appliance/fault-names.ts';
import { type PackageFile, readExactly } from '../appliance/ova/members.ts';
import { openArchive, openFile, type Package } from '../lint/package.ts';

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

/** For the caller to dispose of. @throws PvmcError `file-missing`, `disk-packed`, `box-invalid` */
export async function openBox(path: string): Promise<Package> {
  await requireUnpacked(path);
  try {
    const box = await openArchive(path, (fault) => {
      if (!HARMLESS.includes(fault.fault)) throw fault;
    });
    // Packed as `./metadata.json` by many.
    const files = box.files.map((file) => ({ ...file, name: file.name.replace(/^\.\//, '') }));
    return { ...box, files };
  } catch (thrown) {
    if (!(thrown instanceof Fault)) throw thrown;
    const why = thrown.fault === 'not-a-tar' ? 'it is not a tar archive' : thrown.message;
    throw broken({
      code: 'box-invalid',
      message: `${quoted(basename(path))} is no box of Vagrant, or a damaged one: ${why}`,
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

/** Vagrant takes those as well, and they would have to be unpacked as a whole. */
async function requireUnpacked(path: string): Promise<void> {
  const { file, sizeBytes } = await openFile(path);
  try {
    const begin = await readExactly(file, 0, Math.min(2, sizeBytes));
    if (begin.toString('latin1') !== '\x1f\u008b') return;
  } finally {
    await file.close();
  }
  throw broken({
    code: 'disk-packed',
    message: `${quoted(basename(path))} is packed by gzip`,
    hint: `Unpack it first, and give what comes out: gzip -dc ${basename(path)} > unpacked.box`,
  });
}
