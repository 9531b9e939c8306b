/**
 * A build's own folder: its manifest, logs, pictures and, while it runs, its disk. Two builds never
 * share one, and nothing of a build is written anywhere else but its exports and the cache.
 */
import { randomBytes } from 'node:crypto';
import { createWriteStream, type WriteStream } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { finished } from 'node:stream/promises';
import { messageOf, PvmcError, systemCodeOf } from '../system/error.ts';

export interface BuildFolder {
  /** The folder's name, unique: `hello-1.0.0-20260102-030405-1f2e`. */
  readonly name: string;
  readonly path: string;
  readonly diskPath: string;
  /** Where exports are written; they get their place when they have passed. */
  readonly exportFolder: string;
  readonly consoleLogPath: string;
  readonly screenshotPath: string;
  /** What the guest sent: its journal and logs. */
  readonly guestFolder: string;
  /** Sockets and the hypervisor's own log. */
  readonly runtimeFolder: string;
  /** Verify's working folder. */
  readonly verifyFolder: string;
  readonly log: WriteStream;
}

export interface BuildFolderOptions {
  readonly outputFolder: string;
  readonly appliance: string;
  readonly version: string;
  readonly manifestText: string;
  readonly now: Date;
}

/** Makes the folder, with the manifest in it. */
export async function makeBuildFolder(options: BuildFolderOptions): Promise<BuildFolder> {
  const { outputFolder, appliance, version, manifestText, now } = options;
  const name = buildName(appliance, version, now);
  const path = join(outputFolder, 'builds', name);
  try {
    await mkdir(dirname(path), { recursive: true });
    // The manifest and the disk may hold hashes of passwords.
    await mkdir(path, { mode: 0o700 });
    await writeFile(join(path, 'appliance.yaml'), manifestText, { mode: 0o600 });
  } catch (thrown) {
    throw cannotWrite(path, thrown);
  }
  return {
    name,
    path,
    diskPath: join(path, 'disk.raw'),
    exportFolder: join(path, 'export'),
    consoleLogPath: join(path, 'console.log'),
    screenshotPath: join(path, 'screen.png'),
    guestFolder: join(path, 'guest'),
    runtimeFolder: join(path, 'machine'),
    verifyFolder: join(path, 'verify'),
    log: openLog(join(path, 'build.log')),
  };
}

/** Finishes the log and removes what is large: the disk, and exports that did not pass. */
export async function closeBuildFolder(folder: BuildFolder, keepDisk: boolean): Promise<void> {
  folder.log.end();
  await finished(folder.log).catch(() => {});
  if (keepDisk) return;
  await rm(folder.diskPath, { force: true });
  await rm(folder.exportFolder, { recursive: true, force: true });
}

/** A log that can no longer be written (a full disk) must not end the program by itself. */
function openLog(path: string): WriteStream {
  const log = createWriteStream(path, { flags: 'a' });
  log.on('error', () => {});
  return log;
}

function cannotWrite(path: string, thrown: unknown): PvmcError {
  const full = systemCodeOf(thrown) === 'ENOSPC';
  return new PvmcError({
    kind: 'host',
    code: full ? 'no-space' : 'output-not-writable',
    message: `the build folder ${path} cannot be made: ${messageOf(thrown)}`,
    hint: full ? 'Free some space.' : 'Choose another folder: pvmc build --output FOLDER.',
    cause: thrown,
  });
}

/** Unique, and in the order of time: `hello-1.0.0-20260102-030405-1f2e`. */
export function buildName(appliance: string, version: string, now: Date): string {
  return `${appliance}-${version}-${timestamp(now)}-${randomBytes(2).toString('hex')}`;
}

function timestamp(now: Date): string {
  return now.toISOString().slice(0, 19).replaceAll(/[-:]/g, '').replace('T', '-');
}
