/**
 * Folders for a base that is being made. They carry the process that owns them, so that what a
 * killed run left is known by the next one and removed.
 */
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { messageOf, systemCodeOf } from '../system/error.ts';
import type { Progress } from '../system/progress.ts';
import type { Releases } from '../system/releases.ts';
import { run } from '../system/run.ts';
import { startTimeOf } from '../system/start-time.ts';

export interface WorkFolder {
  readonly folder: string;
  /** In the cache, so that it can be renamed into its place there. */
  readonly result: string;
  /** Outside, because the users of a user namespace cannot enter a private cache. */
  readonly temporary: string;
}

const PREFIX = '.pvmc-base-';
const OWNER = 'owner.json';

interface Owner {
  readonly processId: number;
  readonly startTime: string;
  readonly temporary: string;
}

export async function makeWorkFolder(cacheFolder: string, releases: Releases): Promise<WorkFolder> {
  const folder = await mkdtemp(join(cacheFolder, PREFIX));
  releases.add(folder, () => rm(folder, { recursive: true, force: true }));
  const temporary = await mkdtemp(join(temporaryParent(), 'pvmc-base-'));
  releases.add(temporary, () => removeForeign(temporary));
  await chmod(temporary, 0o711);
  const owner: Owner = {
    processId: process.pid,
    startTime: (await startTimeOf(process.pid)) ?? '',
    temporary,
  };
  await writeFile(join(folder, OWNER), JSON.stringify(owner));
  const result = join(folder, 'result');
  await mkdir(result);
  return { folder, result, temporary };
}

/** Removes what runs that are no more have left in the cache. */
export async function removeAbandoned(cacheFolder: string, progress: Progress): Promise<void> {
  for (const name of await readdir(cacheFolder)) {
    if (!name.startsWith(PREFIX)) continue;
    const folder = join(cacheFolder, name);
    const owner = await ownerOf(folder);
    if (!owner || (await startTimeOf(owner.processId)) === owner.startTime) continue;
    progress.log(`removing ${folder}, which a killed run left`, 'pvmc');
    try {
      await removeForeign(owner.temporary);
      await rm(folder, { recursive: true, force: true });
    } catch (thrown) {
      progress.log(`${folder} cannot be removed: ${messageOf(thrown)}`, 'pvmc');
    }
  }
}

/** Where the medium's system is put together. On disk: in a `/tmp` held in memory, a base in the making would take a good part of it. */
export function temporaryParent(): string {
  return process.env['TMPDIR'] === undefined ? '/var/tmp' : tmpdir();
}

/** Removes a folder whose files may belong to the users of our user namespace. */
async function removeForeign(folder: string): Promise<void> {
  try {
    await rm(folder, { recursive: true, force: true });
  } catch (thrown) {
    const code = systemCodeOf(thrown);
    if (code !== 'EACCES' && code !== 'EPERM') throw thrown;
    await run(['unshare', '--map-auto', '--map-root-user', 'rm', '-rf', folder]);
  }
}

async function ownerOf(folder: string): Promise<Owner | undefined> {
  try {
    return JSON.parse(await readFile(join(folder, OWNER), 'utf8')) as Owner;
  } catch {
    return undefined;
  }
}
