/**
 * Which systemd units a package brings. Only its file tells: not every repository has an index of its
 * packages' contents, and Debian's is larger than most appliances. What was found is kept by the
 * file's SHA256.
 */
import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { systemCodeOf } from '../system/error.ts';
import type { Progress } from '../system/progress.ts';
import { run, runPipe } from '../system/run.ts';

const unitSchema = z.discriminatedUnion('kind', [
  /** A unit file, a link to one, or an init script, which systemd takes for a service. */
  z.strictObject({ name: z.string(), kind: z.literal('unit') }),
  /** A name that a unit gets once it is enabled (`Alias=`). */
  z.strictObject({ name: z.string(), kind: z.literal('alias'), of: z.string() }),
  /** Linked to /dev/null: it must not start. */
  z.strictObject({ name: z.string(), kind: z.literal('masked') }),
]);
const unitsSchema = z.array(unitSchema).readonly();

export type Unit = z.output<typeof unitSchema>;

/** The units that were found in a package earlier; undefined when it was never looked at. */
export async function knownUnits(
  folder: string,
  sha256: string,
): Promise<readonly Unit[] | undefined> {
  let text: string;
  try {
    text = await readFile(pathOf(folder, sha256), 'utf8');
  } catch (thrown) {
    if (systemCodeOf(thrown) === 'ENOENT') return undefined;
    throw thrown;
  }
  try {
    return unitsSchema.parse(JSON.parse(text));
  } catch {
    // A file that a full disk or a crash cut short.
    return undefined;
  }
}

export async function rememberUnits(
  folder: string,
  sha256: string,
  units: readonly Unit[],
): Promise<void> {
  const path = pathOf(folder, sha256);
  await mkdir(dirname(path), { recursive: true });
  const draft = `${path}.${randomUUID()}`;
  await writeFile(draft, JSON.stringify(units));
  await rename(draft, path);
}

function pathOf(folder: string, sha256: string): string {
  return join(folder, 'units', `${sha256}.json`);
}

/** Looks into a package's file. */
export async function unitsOf(packagePath: string, progress: Progress): Promise<readonly Unit[]> {
  const { signal } = progress;
  const listing = await run(['dpkg-deb', '--contents', packagePath], { signal });
  const entries = listing.stdout.split('\n').flatMap(entryOf);
  const files = entries.flatMap(({ path }) => (path === undefined ? [] : [path]));
  const aliases = files.length > 0 ? await aliasesIn(packagePath, files, progress) : [];
  return [...entries.map(({ unit }) => unit), ...aliases];
}

interface Entry {
  readonly unit: Unit;
  /** Of a unit file, as the archive has it. */
  readonly path?: string;
}

const UNIT_ENTRY =
  /^(.)\S+ .* (\.\/(?:usr\/)?lib\/systemd\/system\/([^/\s]+\.(?:service|socket|timer|path|mount|automount|target|swap|slice)))(?: -> (.*))?$/;
const INIT_ENTRY = /^-\S+ .* \.\/etc\/init\.d\/([^/\s]+)$/;

/** A line of `dpkg-deb --contents`, which is one of `tar --list --verbose`. */
function entryOf(line: string): Entry[] {
  const [, type, path, name, target] = UNIT_ENTRY.exec(line) ?? [];
  if (name !== undefined && path !== undefined) {
    if (target === '/dev/null') return [{ unit: { name, kind: 'masked' } }];
    return [{ unit: { name, kind: 'unit' }, ...(type === '-' ? { path } : {}) }];
  }
  const [, script] = INIT_ENTRY.exec(line) ?? [];
  return script === undefined ? [] : [{ unit: { name: `${script}.service`, kind: 'unit' } }];
}

async function aliasesIn(
  packagePath: string,
  files: readonly string[],
  progress: Progress,
): Promise<Unit[]> {
  const folder = await mkdtemp(join(dirname(packagePath), 'units-'));
  try {
    const unpack = ['tar', '--extract', '--directory', folder, '--no-same-owner', ...files];
    await runPipe(['dpkg-deb', '--fsys-tarfile', packagePath], unpack, progress);
    const units = await Promise.all(files.map((file) => readFile(join(folder, file), 'utf8')));
    return units.flatMap((text, index) => aliasesOf(text, files[index]?.split('/').at(-1) ?? ''));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** systemd.unit(5): a list of names, and the setting may be there several times. */
function aliasesOf(text: string, of: string): Unit[] {
  const names = [...text.matchAll(/^Alias=(.*)$/gm)].flatMap(([, list = '']) => list.split(/\s+/));
  return names.filter((name) => name !== '').map((name) => ({ name, kind: 'alias', of }));
}
