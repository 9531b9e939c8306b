/**
 * apt as a reader of repositories: it downloads and verifies indexes and resolves dependencies in
 * folders of its own, for a system in which nothing is installed. It needs no root, and neither reads
 * nor changes what the host's apt knows.
 */
import { createHash } from 'node:crypto';
import { mkdir, readFile, rm, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PvmcError } from '../system/error.ts';
import { withLock } from '../system/lock.ts';
import type { Progress } from '../system/progress.ts';
import { type RunOptions, type RunResult, run } from '../system/run.ts';
import { acquireFailure } from './apt-failures.ts';

/** A set of apt's folders for one sources file. Valid while the lock is held. */
export interface AptFolder {
  readonly folder: string;
  readonly configuration: string;
}

export interface AptFolderRequest {
  /** Kept between runs: indexes that did not change are not downloaded again. */
  readonly cacheFolder: string;
  /** The sources in deb822 style; each text has folders of its own. */
  readonly sourcesText: string;
  /** How long a server may stay silent. */
  readonly timeoutSeconds: number;
}

/** Does the work with apt's folders, which no other process uses meanwhile. */
export async function withAptFolder<T>(
  request: AptFolderRequest,
  progress: Progress,
  work: (apt: AptFolder) => Promise<T>,
): Promise<T> {
  const folder = join(request.cacheFolder, 'repository', keyOf(request.sourcesText));
  await mkdir(folder, { recursive: true });
  return withLock(join(folder, 'pvmc.lock'), progress, async () => {
    await mkdir(join(folder, 'lists', 'partial'), { recursive: true });
    await mkdir(join(folder, 'archives', 'partial'), { recursive: true });
    await ensureText(join(folder, 'status'), '');
    await ensureText(join(folder, 'pvmc.sources'), request.sourcesText);
    const configuration = join(folder, 'apt.conf');
    await ensureText(configuration, configurationText(folder, request.timeoutSeconds));
    // What a killed run has left goes first.
    await rm(temporaryFolderOf(folder), { recursive: true, force: true });
    await mkdir(temporaryFolderOf(folder));
    try {
      return await work({ folder, configuration });
    } finally {
      await rm(temporaryFolderOf(folder), { recursive: true, force: true });
    }
  });
}

/** apt that is ended early leaves its temporary files behind: here nobody else's are among them. */
function temporaryFolderOf(folder: string): string {
  return join(folder, 'tmp');
}

/** Leaves a file as it is that has this text: apt makes its cache anew when a time has changed. */
async function ensureText(path: string, text: string): Promise<void> {
  if ((await readFile(path, 'utf8').catch(() => undefined)) !== text) await writeFile(path, text);
}

function keyOf(sourcesText: string): string {
  return createHash('sha256').update(sourcesText).digest('hex').slice(0, 16);
}

/**
 * Brings the indexes up to date, each checked against its signed Release file.
 * @throws PvmcError of kind `repository`: nothing older or unchecked is ever used instead.
 */
export function updateIndexes(apt: AptFolder, progress: Progress): Promise<void> {
  // Without the cache of what they hold, which takes a second: whoever asks makes it.
  const argv = ['apt-get', 'update', '-q', '-o', 'pkgCacheFile::Generate=false'];
  return acquire(apt, { argv, cwd: apt.folder }, progress);
}

/** Downloads packages (`NAME=VERSION`) into a folder, each checked against the index. */
export function downloadPackages(
  apt: AptFolder,
  { packages, into }: { readonly packages: readonly string[]; readonly into: string },
  progress: Progress,
): Promise<void> {
  const argv = ['apt-get', 'download', '-q', '--', ...packages];
  return acquire(apt, { argv, cwd: into }, progress);
}

interface Acquisition {
  readonly argv: readonly string[];
  readonly cwd: string;
}

async function acquire(
  apt: AptFolder,
  { argv, cwd }: Acquisition,
  progress: Progress,
): Promise<void> {
  const lines: string[] = [];
  const stop = new AbortController();
  const deadline = setTimeout(() => stop.abort(tooSlow()), ACQUIRE_DEADLINE_MILLISECONDS);
  let grace: NodeJS.Timeout | undefined;
  const log = (line: string, origin: string) => {
    lines.push(line);
    progress.log(line, origin);
    // One failure decides; apt would wait for each further file of a server that is silent.
    if (line.startsWith('Err:')) grace ??= setTimeout(() => stop.abort(), GRACE_MILLISECONDS);
    // On a full disk apt says that it leaves a file out, and then waits for ever.
    if (line.startsWith('Ign:'))
      void isFull(apt.folder).then((full) => full && stop.abort(noSpace(apt.folder)));
  };
  let failed = true;
  try {
    const signal = AbortSignal.any([progress.signal, stop.signal]);
    const result = await run(argv, { ...optionsOf(apt, signal), cwd, log });
    failed = result.status === APT_FAILED;
  } catch (thrown) {
    if (thrown !== stop.signal.reason || thrown instanceof PvmcError) throw thrown;
  } finally {
    clearTimeout(deadline);
    clearTimeout(grace);
  }
  const failure = acquireFailure(lines, failed);
  if (failure) throw failure;
}

/** A server may send a byte now and then and never be found silent. */
const ACQUIRE_DEADLINE_MILLISECONDS = 15 * 60_000;
/** apt tells the reason on the next line, and most often ends by itself. */
const GRACE_MILLISECONDS = 1000;

/** Less is what a block or two of a file that did not fit has left. */
const FULL_BYTES = 2 ** 20;

async function isFull(folder: string): Promise<boolean> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize < FULL_BYTES;
}

function noSpace(folder: string): PvmcError {
  return new PvmcError({
    kind: 'host',
    code: 'no-space',
    message: `no space is left in ${folder} for the repository's index`,
    hint: 'Free some space there, or choose another cache folder: pvmc --cache FOLDER.',
  });
}

function tooSlow(): PvmcError {
  return new PvmcError({
    kind: 'repository',
    code: 'repository-slow',
    message: `the repository had not sent what it should after ${ACQUIRE_DEADLINE_MILLISECONDS / 60_000} minutes`,
    hint: 'Choose a nearer mirror (`repository.mirror`).',
  });
}

/** Asks one of apt's programs. The result's exit status is the caller's to judge. */
export function queryApt(
  apt: AptFolder,
  argv: readonly string[],
  progress: Progress,
): Promise<RunResult> {
  return run(argv, optionsOf(apt, progress.signal));
}

function optionsOf(apt: AptFolder, signal: AbortSignal): RunOptions {
  return {
    signal,
    env: { APT_CONFIG: apt.configuration, TMPDIR: temporaryFolderOf(apt.folder) },
    cwd: apt.folder,
    kind: 'repository',
    accept: [0, APT_FAILED],
  };
}

/** apt's only exit status for a failure. */
export const APT_FAILED = 100;

/** Paths are quoted and nothing can be escaped inside the quotes. */
function configurationText(folder: string, timeoutSeconds: number): string {
  if (/["\n]/.test(folder)) {
    throw new PvmcError({
      kind: 'host',
      code: 'cache-folder-unusable',
      message: `the cache folder ${folder} has a quote or a line break in its name`,
      hint: 'apt cannot work there; choose another cache folder.',
    });
  }
  const values = { ...folders(folder), ...SETTINGS };
  const timeouts = ['http', 'https'].map((method) => [
    `Acquire::${method}::Timeout`,
    timeoutSeconds,
  ]);
  const lines = [...Object.entries(values), ...timeouts].map(
    ([name, value]) => `${name} "${value}";`,
  );
  return `${lines.join('\n')}\n`;
}

function folders(folder: string): Readonly<Record<string, string>> {
  return {
    Dir: folder,
    'Dir::State': folder,
    'Dir::State::status': join(folder, 'status'),
    'Dir::State::lists': join(folder, 'lists'),
    'Dir::Cache': folder,
    // One cache suffices: the other would differ only by the installed packages.
    'Dir::Cache::srcpkgcache': '',
    'Dir::Etc': folder,
    'Dir::Etc::sourcelist': join(folder, 'pvmc.sources'),
    'Dir::Log': folder,
  };
}

const SETTINGS: Readonly<Record<string, string>> = {
  // Nothing of the host's /etc/apt.
  'Dir::Etc::main': '/dev/null',
  'Dir::Etc::parts': '/dev/null',
  'Dir::Etc::sourceparts': '/dev/null',
  'Dir::Etc::preferences': '/dev/null',
  'Dir::Etc::preferencesparts': '/dev/null',
  'Dir::Etc::trusted': '/dev/null',
  'Dir::Etc::trustedparts': '/dev/null',
  'APT::Architecture': 'amd64',
  'APT::Architectures': 'amd64',
  'APT::Install-Suggests': 'false',
  // Root would otherwise download as `_apt`, who cannot write in root's own cache folder.
  'APT::Sandbox::User': 'root',
  // By default apt only warns when an index could not be downloaded, and uses an older one.
  'APT::Update::Error-Mode': 'any',
  'APT::Get::List-Cleanup': 'false',
  'Acquire::Languages': 'none',
  'Acquire::ForceHash': 'sha256',
  'Acquire::PDiffs': 'false',
  'Acquire::Retries': '1',
  // There is no system whose essential packages must stay configured at every moment.
  'APT::Immediate-Configure': 'false',
};
