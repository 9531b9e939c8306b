/**
 * The files that builds have put into an output folder, where users look: only these may give way to
 * newer ones. A hidden file there knows them by size and time.
 */
import { lstat, mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import type { Manifest } from '../manifest/schema.ts';
import { PvmcError, systemCodeOf } from '../system/error.ts';
import { withLock } from '../system/lock.ts';
import { quietProgress } from '../system/progress.ts';
import { isIntact, isShared, outputOf, share } from './outputs.ts';
import { type Output, outputSchema } from './record.ts';

const MEMORY_FILE = '.pvmc-files.json';

/** By name: what lies there, or may lie there after a run that was killed in between. */
const memorySchema = z.record(z.string(), z.array(outputSchema));

/** The name of an appliance's files, without their endings. */
export function baseName({ name, version }: Pick<Manifest, 'name' | 'version'>): string {
  return `${name}-${version}`;
}

/** A place for a file: an output folder, and a name relative to it, which may have folders itself. */
export interface Place {
  readonly folder: string;
  readonly name: string;
}

/**
 * Gives a file a second name in the output folder. One build at a time.
 * @throws PvmcError `output-exists`
 */
export async function place(from: string, { folder, name }: Place): Promise<void> {
  const to = join(folder, name);
  await mkdir(folder, { recursive: true });
  await withLock(folder, quietProgress(), async () => {
    const memory = await read(folder);
    const known = memory[name] ?? [];
    if (!(await isShared(from, to))) await expectKnown(to, { folder, known });
    const output = { ...(await outputOf(dirname(from), from)), path: name };
    // Before the renaming, and the file before beside it: a kill in between leaves one of them there.
    await write(folder, { ...memory, [name]: [output, ...known.slice(0, 1)] });
    if (!(await isShared(from, to))) await share(from, to);
  });
}

/**
 * Refuses a place at which something lies that no build has put there, or that was changed since.
 * @throws PvmcError `output-exists`
 */
export async function expectOurs({ folder, name }: Place): Promise<void> {
  await expectKnown(join(folder, name), { folder, known: (await read(folder))[name] ?? [] });
}

async function expectKnown(
  path: string,
  { folder, known }: { readonly folder: string; readonly known: readonly Output[] },
): Promise<void> {
  const parent = dirname(path);
  if (parent !== folder && (await exists(parent)) && !(await isFolder(parent)))
    throw outputExists(`${parent} is there already, and is no folder`);
  if (!(await exists(path))) return;
  for (const output of known) if (await isIntact(folder, output)) return;
  throw outputExists(
    known.length === 0
      ? `${path} is there already, and no build of pvmc has put it there`
      : `${path} was changed since a build of pvmc put it there`,
  );
}

function outputExists(message: string): PvmcError {
  return new PvmcError({
    kind: 'host',
    code: 'output-exists',
    message,
    hint: 'Move it away, or choose another folder: --output FOLDER.',
  });
}

type Memory = z.output<typeof memorySchema>;

async function read(folder: string): Promise<Memory> {
  try {
    return memorySchema.parse(JSON.parse(await readFile(join(folder, MEMORY_FILE), 'utf8')));
  } catch {
    return {};
  }
}

async function write(folder: string, memory: Memory): Promise<void> {
  const path = join(folder, MEMORY_FILE);
  await writeFile(`${path}.new`, `${JSON.stringify(memory, undefined, 1)}\n`);
  await rename(`${path}.new`, path);
}

async function isFolder(path: string): Promise<boolean> {
  const facts = await stat(path).catch(() => undefined);
  return facts?.isDirectory() === true;
}

/** Also a link that leads nowhere. */
async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (thrown) {
    if (['ENOENT', 'ENOTDIR'].includes(systemCodeOf(thrown) ?? '')) return false;
    throw thrown;
  }
}
