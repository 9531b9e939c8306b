/**
 * The base of every PVMC ISO: kernel, initial RAM file system, GRUB and the system that runs the
 * constructor. It knows nothing of any manifest, so it is built once and kept by the hash of
 * everything that goes into it.
 */
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { systemCodeOf } from '../system/error.ts';
import type { Progress } from '../system/progress.ts';
import { Releases } from '../system/releases.ts';
import { run } from '../system/run.ts';
import { BUILD_FOLDER, customizeScript } from './customize.ts';
import { buildDebian, mmdebstrapCommand } from './debian.ts';
import { FATAL_SCRIPT } from './fatal-script.ts';
import { initrdArchive } from './initrd.ts';
import { INIT_SCRIPT } from './initrd-script.ts';
import { BASE_FILES } from './layout.ts';
import { systemFiles } from './system/system.ts';
import { systemTar } from './system/tree.ts';
import { makeWorkFolder, removeAbandoned } from './work-folder.ts';

export interface BaseOptions {
  /** Bases are kept here, each in a folder of its own. */
  readonly cacheFolder: string;
  /** A Debian mirror, `http://deb.debian.org/debian` for instance. */
  readonly mirror: string;
  /** No file of the base is younger. */
  readonly sourceDateEpoch: number;
}

export interface MediumBase {
  /** The hash of everything that went into it. */
  readonly id: string;
  readonly folder: string;
  /** Taken from the cache, not built. */
  readonly cached: boolean;
  /** Debian's packages, with their versions, of which the base was made. */
  readonly packages: Readonly<Record<string, string>>;
}

const BASE_PREFIX = 'base-';
const STEPS = 3;
/**
 * The root folder is not in mmdebstrap's archive; sqfstar would make it the caller's, open to all. Its
 * -root-uid takes no 0, so all belongs to root, as it does anyway but for /etc/shadow's group.
 */
const SQUASHFS_OWNERS = ['-root-mode', '755', '-all-root'];
const SQUASHFS_FORMAT = ['-comp', 'lz4', '-Xhc', '-b', '128K', '-no-xattrs', '-quiet'];
const SQUASHFS_OPTIONS = [...SQUASHFS_FORMAT, ...SQUASHFS_OWNERS];

/** Changes when the way in which a base is made changes, though none of its ingredients do. */
const RECIPE = 1;

/** The base from the cache; built first when it is not there. */
export async function prepareBase(options: BaseOptions, progress: Progress): Promise<MediumBase> {
  await mkdir(options.cacheFolder, { recursive: true });
  const id = await baseId(options, progress);
  const folder = join(options.cacheFolder, `${BASE_PREFIX}${id.slice(0, 16)}`);
  const kept = await readBase(id, folder);
  if (kept) return { ...kept, cached: true };
  await removeAbandoned(options.cacheFolder, progress);
  await using releases = new Releases((what, failure) =>
    progress.log(`${what} is left behind: ${String(failure)}`, 'pvmc'),
  );
  const work = await makeWorkFolder(options.cacheFolder, releases);
  await build({ ...options, id, work }, progress);
  await moveInto({ id, result: work.result, folder, aside: join(work.folder, 'damaged') });
  const base = await readBase(id, folder);
  if (!base) throw new Error(`the base in ${folder} is incomplete`);
  return { ...base, cached: false };
}

/** Whether there is any base in the cache, for these or other ingredients. */
export async function hasSomeBase(cacheFolder: string): Promise<boolean> {
  const names = await readdir(cacheFolder).catch(() => []);
  return names.some((name) => name.startsWith(BASE_PREFIX));
}

/** The hash of everything that goes into a base. */
export async function baseId(options: BaseOptions, progress: Progress): Promise<string> {
  const tools = await Promise.all(
    [
      ['mmdebstrap', '--version'],
      ['sqfstar', '-version'],
    ].map((command) => run(command, { signal: progress.signal, accept: [0, 1] })),
  );
  const ingredients = [
    RECIPE,
    tools.map(({ stdout }) => stdout.split('\n')[0]),
    options.sourceDateEpoch,
    mmdebstrapCommand({ ...options, workFolder: '', temporaryFolder: '' }),
    customizeScript(),
    systemFiles(),
    INIT_SCRIPT,
    FATAL_SCRIPT,
    SQUASHFS_OPTIONS,
  ];
  return createHash('sha256').update(JSON.stringify(ingredients)).digest('hex');
}

interface BuildJob extends BaseOptions {
  readonly id: string;
  readonly work: { readonly folder: string; readonly result: string; readonly temporary: string };
}

async function build(job: BuildJob, progress: Progress): Promise<void> {
  const step = (done: number, what: string) => {
    progress.log(what, 'pvmc');
    progress.amount({ done, total: STEPS, unit: 'steps' });
  };
  const { sourceDateEpoch, work } = job;
  const output = join(work.folder, 'output');
  step(0, 'fetching and extracting the packages of the PVMC medium');
  await writeInputs(job);
  await buildDebian({ ...job, workFolder: work.folder, temporaryFolder: work.temporary }, progress);
  step(1, 'packing the system of the PVMC medium');
  await pack(job, progress);
  step(2, 'making the initial RAM file system');
  const initrd = await initrdArchive({
    busyboxPath: join(output, 'busybox'),
    modulesFolder: join(output, 'modules'),
    sourceDateEpoch,
  });
  await writeFile(join(work.result, BASE_FILES.initrd), initrd);
  await takeOver(output, work.result);
  await writeFile(join(work.result, 'base.json'), await description(job, output));
  step(3, 'the base of the PVMC medium is ready');
}

async function writeInputs({ work, sourceDateEpoch }: BuildJob): Promise<void> {
  const script = {
    path: `${BUILD_FOLDER}/customize.sh`,
    content: customizeScript(),
    executable: true,
  };
  await mkdir(join(work.folder, 'output'));
  await writeFile(join(work.folder, 'customize.tar'), await systemTar([script], sourceDateEpoch));
  await writeFile(
    join(work.folder, 'system-files.tar'),
    await systemTar(systemFiles(), sourceDateEpoch),
  );
}

async function pack({ work, sourceDateEpoch }: BuildJob, progress: Progress): Promise<void> {
  const archive = join(work.folder, 'system.tar');
  const image = join(work.result, BASE_FILES.system);
  await run(['/bin/sh', '-c', 'exec sqfstar "$@" < "$0"', archive, ...SQUASHFS_OPTIONS, image], {
    signal: progress.signal,
    log: (line, origin) => progress.log(line, origin),
    env: { SOURCE_DATE_EPOCH: String(sourceDateEpoch) },
  });
  await rm(archive);
}

async function takeOver(output: string, result: string): Promise<void> {
  for (const name of [
    BASE_FILES.kernel,
    BASE_FILES.biosImage,
    BASE_FILES.hybridBoot,
    BASE_FILES.efiProgram,
  ]) {
    await writeFile(join(result, name), await readFile(join(output, name)));
  }
}

interface BaseDescription {
  readonly id: string;
  readonly sizes: Readonly<Record<string, number>>;
  readonly packages: Readonly<Record<string, string>>;
}

async function description({ id, work }: BuildJob, output: string): Promise<string> {
  const listed = await readFile(join(output, 'packages.txt'), 'utf8');
  const packages = Object.fromEntries(
    listed
      .trim()
      .split('\n')
      .map((line) => {
        const [name = '', version = ''] = line.split('\t');
        return [name.replace(/:.*/, ''), version] as const;
      }),
  );
  const sizes: Record<string, number> = {};
  for (const name of Object.values(BASE_FILES)) {
    sizes[name] = (await stat(join(work.result, name))).size;
  }
  return `${JSON.stringify({ id, sizes, packages } satisfies BaseDescription, null, 1)}\n`;
}

interface Move {
  readonly id: string;
  readonly result: string;
  readonly folder: string;
  /** Where a damaged base that is in the way goes. */
  readonly aside: string;
}

/** Another run may have been faster with the same base: then its result stands, if it is whole. */
async function moveInto({ id, result, folder, aside }: Move): Promise<void> {
  if (await renamed(result, folder)) return;
  if (await readBase(id, folder)) return;
  await rename(folder, aside).catch(unlessGone);
  await renamed(result, folder);
}

/** Whether nothing was in the way. */
async function renamed(from: string, to: string): Promise<boolean> {
  try {
    await rename(from, to);
    return true;
  } catch (thrown) {
    const code = systemCodeOf(thrown);
    if (code === 'ENOTEMPTY' || code === 'EEXIST') return false;
    throw thrown;
  }
}

/** Another run may have put the damaged one aside already. */
function unlessGone(thrown: unknown): void {
  if (systemCodeOf(thrown) !== 'ENOENT') throw thrown;
}

/** What the folder holds, if it is that base and whole. */
async function readBase(
  id: string,
  folder: string,
): Promise<Omit<MediumBase, 'cached'> | undefined> {
  try {
    const read = JSON.parse(await readFile(join(folder, 'base.json'), 'utf8')) as BaseDescription;
    for (const [name, size] of Object.entries(read.sizes)) {
      if ((await stat(join(folder, name))).size !== size) return undefined;
    }
    return read.id === id ? { id, folder, packages: read.packages } : undefined;
  } catch (thrown) {
    if (systemCodeOf(thrown) === 'ENOENT' || thrown instanceof SyntaxError) return undefined;
    throw thrown;
  }
}
