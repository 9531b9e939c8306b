/**
 * The packages of a build, with their versions and hashes, as a file in its folder: to be read by people,
 * and to take the build up again with the same packages without asking the repository.
 */
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { type Resolution, resolutionOf } from '../repository/resolve.ts';
import { resolvedPackagesSchema } from '../repository/resolved-before.ts';
import type { ReadAppliance } from './prepare.ts';

const FILE = 'packages.json';

const fileSchema = z.strictObject({
  /** The digest of the manifest and of what lies beside it, for which they were resolved. */
  inputs: z.string(),
  packages: resolvedPackagesSchema,
});

export async function writePinned(
  folder: string,
  inputs: string,
  { packages }: Resolution,
): Promise<void> {
  const path = join(folder, FILE);
  await writeFile(`${path}.new`, `${JSON.stringify({ inputs, packages }, undefined, 1)}\n`);
  await rename(`${path}.new`, path);
}

/** Undefined when there is no whole file, or it is for other inputs. */
export async function readPinned(
  folder: string,
  inputs: string,
  { file, payload }: ReadAppliance,
): Promise<Resolution | undefined> {
  const text = await readFile(join(folder, FILE), 'utf8').catch(() => 'null');
  const pinned = fileSchema.safeParse(parsed(text)).data;
  if (pinned?.inputs !== inputs) return undefined;
  return resolutionOf(pinned.packages, { manifest: file.manifest, payload });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
