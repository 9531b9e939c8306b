/**
 * A build's own folder: its manifest, logs, pictures and, while it runs, its disk. Two builds never
 * share one, and nothing of a build is written anywhere else but its exports and the cache.
 */
import { randomBytes } from 'node:crypto';
import { createWriteStream, type WriteStream } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { finished } from 'node:stream/promises';
import { messageOf, PvmcError, systemCodeOf } from '../system/error.ts';

export interface BuildFolder {
  /** The folder's name, unique: `hello-1.0.0-20260102-030405-1f2e`. */
  readonly name: string;
  readonly path: string;
  /** What the machine boots from. */
  readonly mediumPath: string;
  readonly diskPath: string;
  /** The disk as it was when all packages were installed. */
  readonly checkpointPath: string;
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

/** Below the output folder. */
export const BUILDS_FOLDER = 'builds';

/** Makes a folder, with the manifest in it. */
export async function makeBuildFolder(options: BuildFolderOptions): Promise<BuildFolder> {
  const { outputFolder, appliance, version, manifestText, now } = options;
  const path = join(outputFolder, BUILDS_FOLDER, buildName(appliance, version, now));
  try {
    await makeFolders(dirname(path));
    // The manifest and the disk may hold hashes of passwords.
    await mkdir(path, { mode: 0o700 });
    await writeManifest(path, manifestText);
  } catch (thrown) {
    throw cannotWrite(path, thrown);
  }
  return openFolder(path);
}

/** Of a read-only file system Node.js says, for several folders at once, that there is no such file. */
async function makeFolders(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true });
  } catch (thrown) {
    if (systemCodeOf(thrown) === 'ENOENT') await mkdir(path);
    throw thrown;
  }
}

/** Opens the folder of an unfinished build, to go on in it with the manifest as it is now. */
export async function reopenBuildFolder(path: string, manifestText: string): Promise<BuildFolder> {
  const { consoleLogPath, screenshotPath } = buildFolderPaths(path);
  try {
    await writeManifest(path, manifestText);
    // Of the attempt before: they would be taken for this one's.
    for (const file of [consoleLogPath, screenshotPath]) await rm(file, { force: true });
  } catch (thrown) {
    throw cannotWrite(path, thrown);
  }
  return openFolder(path);
}

async function writeManifest(folder: string, text: string): Promise<void> {
  await writeFile(join(folder, 'appliance.yaml'), text, { mode: 0o600 });
}

function openFolder(path: string): BuildFolder {
  return { ...buildFolderPaths(path), log: openLog(join(path, 'build.log')) };
}

/** Where everything is in a build's folder. */
export function buildFolderPaths(path: string): Omit<BuildFolder, 'log'> {
  return {
    name: basename(path),
    path,
    mediumPath: join(path, 'medium.iso'),
    diskPath: join(path, 'disk.raw'),
    checkpointPath: join(path, 'checkpoint.raw'),
    exportFolder: join(path, 'export'),
    consoleLogPath: join(path, 'console.log'),
    screenshotPath: join(path, 'screen.png'),
    guestFolder: join(path, 'guest'),
    runtimeFolder: join(path, 'machine'),
    verifyFolder: join(path, 'verify'),
  };
}

/** Finishes the log. */
export async function closeBuildFolder({ log }: BuildFolder): Promise<void> {
  log.end();
  await finished(log).catch(() => {});
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
