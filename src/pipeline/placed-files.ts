/**
 * The files that builds have put into an output folder, where users look: only these may give way to
 * newer ones. `builds/placed.json` knows them by size and time.
 */
import { mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { z } from 'zod';
import type { Manifest } from '../manifest/schema.ts';
import { PvmcError, systemCodeOf } from '../system/error.ts';
import { withLock } from '../system/lock.ts';
import { quietProgress } from '../system/progress.ts';
import { BUILDS_FOLDER } from './build-folder.ts';
import { isIntact, isShared, outputOf, share } from './outputs.ts';
import { outputSchema } from './record.ts';

const placedSchema = z.record(z.string(), outputSchema);

/** The name of an appliance's files, without their endings. */
export function baseName({ name, version }: Pick<Manifest, 'name' | 'version'>): string {
  return `${name}-${version}`;
}

/** Gives a file a second name in the output folder. @throws PvmcError `output-exists` */
export async function place(from: string, to: string): Promise<void> {
  if (await isShared(from, to)) return;
  await expectOurs(to);
  await share(from, to);
  await remember(to);
}

/**
 * Refuses a path at which something lies that no build has put there, or that was changed since.
 * @throws PvmcError `output-exists`
 */
export async function expectOurs(path: string): Promise<void> {
  if (!(await exists(path))) return;
  const known = (await read(dirname(path)))[basename(path)];
  if (known && (await isIntact(dirname(path), known))) return;
  throw new PvmcError({
    kind: 'host',
    code: 'output-exists',
    message: `${path} is there already, and no build of pvmc has put it there as it is now`,
    hint: 'Move it away, or choose another folder: --output FOLDER.',
  });
}

/** Writes down that the file at this path is a build's. */
export async function remember(path: string): Promise<void> {
  const folder = dirname(path);
  const builds = join(folder, BUILDS_FOLDER);
  await mkdir(builds, { recursive: true });
  await withLock(builds, quietProgress(), async () => {
    const placed = { ...(await read(folder)), [basename(path)]: await outputOf(folder, path) };
    await writeFile(`${placedPath(folder)}.new`, `${JSON.stringify(placed, undefined, 1)}\n`);
    await rename(`${placedPath(folder)}.new`, placedPath(folder));
  });
}

async function read(folder: string): Promise<z.output<typeof placedSchema>> {
  try {
    return placedSchema.parse(JSON.parse(await readFile(placedPath(folder), 'utf8')));
  } catch {
    return {};
  }
}

function placedPath(folder: string): string {
  return join(folder, BUILDS_FOLDER, 'placed.json');
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (thrown) {
    if (['ENOENT', 'ENOTDIR'].includes(systemCodeOf(thrown) ?? '')) return false;
    throw thrown;
  }
}
