/** The PVMC ISO where users look, with its checksum beside it as each export has one. */
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { checksumName, checksumText } from '../appliance/checksums.ts';
import type { Manifest } from '../manifest/schema.ts';
import { baseName, type Place, place } from './placed-files.ts';

export function mediumName(manifest: Pick<Manifest, 'name' | 'version'>): string {
  return `${baseName(manifest)}.iso`;
}

/** @throws PvmcError `output-exists` */
export async function placeMedium(path: string, to: Place, sha256: string): Promise<void> {
  await place(path, to);
  const checksum = { folder: to.folder, name: checksumName(to.name) };
  const text = checksumText(to.name, sha256);
  if (await says(checksum, text)) return;
  // A name that is removed with what a killed build leaves.
  const made = `${path}.sha256.part`;
  try {
    await writeFile(made, text);
    await place(made, checksum);
  } finally {
    await rm(made, { force: true });
  }
}

async function says({ folder, name }: Place, text: string): Promise<boolean> {
  return (await readFile(join(folder, name), 'utf8').catch(() => undefined)) === text;
}
