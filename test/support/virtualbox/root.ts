/**
 * A small root folder with a real VirtualBox in it: the newest of Debian's (sid, contrib). It holds what
 * VBoxManage and VBoxHeadless need and nothing else, some 100 MB, and is kept in the user's cache. There
 * is no kernel driver in it, nor needed: guests run in VirtualBox's own interpreter, slowly.
 */
import { createHash } from 'node:crypto';
import {
  access,
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DEFAULT_MIRROR } from '../../../src/media/debian.ts';
import { cacheFolder } from '../../../src/pipeline/cache-folder.ts';
import { PvmcError } from '../../../src/system/error.ts';
import { run, runPipe } from '../../../src/system/run.ts';

/** Either the root's path, or why there can be none here. */
export type VirtualBoxRoot = { readonly path: string } | { readonly missing: string };

/** Where Debian's package has all of VirtualBox's programs, below the root; they look for each other there. */
export const PROGRAMS = 'usr/lib/virtualbox';

/** Changes when a root is made in another way. */
const RECIPE = 1;
const STAND_IN = fileURLToPath(new URL('driverless.c', import.meta.url));
const LOCALE = 'usr/lib/locale/C.utf8';
const SHARED = 'usr/share/virtualbox';
const LIBRARIES = 'usr/lib/x86_64-linux-gnu';
const LOADER = 'usr/lib64/ld-linux-x86-64.so.2';

/** Of the folder of programs: the web service, SDL, Python, ARM, the driver's parts, half of all bytes. */
const UNUSED =
  /^(vboxweb.*|webtest|sdk|VBoxSDL.*|VBoxPython.*|vboxshell\.py|VBoxVMMArm\.so|VBoxEFI-arm.*|.*\.r0|VBoxDxVk\.so|VBoxSVGA3D\.so|libvboxjxpcom\.so|vboximg-mount|VBoxAutostart|VBoxBalloonCtrl|VBoxBugReport|VBoxCpuReport|VBoxNetAdpCtl)$/;

let root: Promise<VirtualBoxRoot> | undefined;

/** The root from the cache; made first when it is not there, which takes a minute. */
export function virtualBoxRoot(): Promise<VirtualBoxRoot> {
  root ??= prepare();
  return root;
}

async function prepare(): Promise<VirtualBoxRoot> {
  const parent = join(cacheFolder(undefined), 'tests');
  const hash = createHash('sha256')
    .update(`${RECIPE}\0`)
    .update(await readFile(STAND_IN));
  const path = join(parent, `virtualbox-${hash.digest('hex').slice(0, 12)}`);
  if (await exists(path)) return { path };
  await mkdir(parent, { recursive: true });
  const work = await mkdtemp('/var/tmp/pvmc-virtualbox-');
  const made = await mkdtemp(join(parent, '.making-'));
  try {
    const debian = join(work, 'debian');
    const missing = await extract(debian);
    if (missing !== undefined) return { missing };
    await take(debian, made);
    await run(['gcc', '-O1', '-o', join(made, PROGRAMS, 'VBoxHeadless'), STAND_IN, '-ldl']);
    await rename(made, path);
    return { path };
  } finally {
    await rm(made, { recursive: true, force: true });
    await rm(work, { recursive: true, force: true });
  }
}

/** Fetches the packages and unpacks what may be needed; runs nothing of theirs. Returns why there are none. */
async function extract(target: string): Promise<string | undefined> {
  const fetch = [
    'mmdebstrap',
    '--variant=extract',
    '--architectures=amd64',
    '--format=tar',
    '--aptopt=Apt::Install-Recommends "false"',
    '--aptopt=Acquire::Languages "none"',
    '--aptopt=Acquire::Retries "3"',
    // sid's index is renewed several times a day, and a copy of it may be older than it allows.
    '--aptopt=Acquire::Check-Valid-Until "false"',
    '--include=virtualbox,libc-bin,libc6',
    'sid',
    '-',
    `deb ${DEFAULT_MIRROR} sid main contrib`,
  ];
  const folders = [PROGRAMS, LIBRARIES, LOCALE, SHARED, dirname(LOADER)];
  const unpack = ['tar', '-x', '-C', target, ...folders.map((path) => `./${path}`)];
  await mkdir(target);
  try {
    await runPipe(fetch, unpack, { env: { TMPDIR: '/var/tmp' } });
    return undefined;
  } catch (thrown) {
    const said = thrown instanceof PvmcError ? thrown.details.join('\n') : '';
    if (/Unable to locate package virtualbox|has no installation candidate/.test(said))
      return 'Debian’s mirror has no VirtualBox';
    throw thrown;
  }
}

/** Takes the programs, the libraries that they are linked with, and one locale. */
async function take(debian: string, made: string): Promise<void> {
  const programs = join(debian, PROGRAMS);
  const wanted = (path: string) => dirname(path) !== programs || !UNUSED.test(basename(path));
  await cp(programs, join(made, PROGRAMS), { recursive: true, filter: wanted });
  for (const path of [LOADER, LOCALE, SHARED])
    await cp(join(debian, path), join(made, path), { recursive: true, dereference: true });
  for (const name of await librariesOf(debian, join(made, PROGRAMS)))
    await cp(join(debian, LIBRARIES, name), join(made, LIBRARIES, name), { dereference: true });
  for (const link of ['lib', 'lib64']) await symlink(`usr/${link}`, join(made, link));
  await mkdir(join(made, 'etc'));
  await writeFile(join(made, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\n');
  await writeFile(join(made, 'etc/group'), 'root:x:0:\n');
  await writeFile(join(made, 'etc/hosts'), '127.0.0.1 localhost\n');
}

/** The names of all libraries that the folder's programs and libraries need, as their own loader finds them. */
async function librariesOf(debian: string, folder: string): Promise<ReadonlySet<string>> {
  const loader = join(debian, LOADER);
  const path = `${join(debian, LIBRARIES)}:${join(debian, PROGRAMS)}`;
  const names = new Set<string>();
  for (const file of await readdir(folder, { recursive: true })) {
    if (!(await isElf(join(folder, file)))) continue;
    const list = [loader, '--library-path', path, '--list', join(folder, file)];
    const { stdout } = await run(list);
    for (const [, found = ''] of stdout.matchAll(/ => (\/\S+) \(/g))
      if (dirname(found) === join(debian, LIBRARIES)) names.add(basename(found));
  }
  return names;
}

async function isElf(path: string): Promise<boolean> {
  if (!(await stat(path)).isFile()) return false;
  return (await readFile(path)).subarray(0, 4).toString('latin1') === '\u007fELF';
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
