/**
 * Two whole builds of one manifest that have nothing in common but the manifest, the packages and pvmc:
 * another copy of the project in another folder, another cache, another number of processors, another
 * time zone, language and umask, another day in the guest and, where the caller names one, another user. All
 * that users receive has to be the same to the bit.
 *
 *     sudo useradd --create-home other
 *     sudo PVMC_TEST_OTHER_USER=other npm run test:reproducible
 */
import { execFileSync } from 'node:child_process';
import { appendFile, chmod, cp, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { EXPORT_FORMAT_NAMES } from '../../../src/manifest/export-formats.ts';
import { sha256Of } from '../../../src/system/sha256.ts';
import { FaultyQemu } from '../../support/faulty-qemu.ts';
import { saidOf } from '../../support/hello-build.ts';
import { PvmcProcess } from '../../support/pvmc-process.ts';
import { ROOT } from '../../support/repository-files.ts';

/** Has to have a range in /etc/subuid, as every user whom adduser or useradd has made. */
const OTHER_USER = process.env['PVMC_TEST_OTHER_USER'];

const OTHER_DAY = '2031-05-04T03:02:01';
const OTHER_SURROUNDINGS = ['TZ=Pacific/Auckland', 'LC_ALL=C', 'LANG=de_DE.UTF-8'];

let work: string;

beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'pvmc-reproducible-'));
  await chmod(work, 0o755);
});

afterAll(() => rm(work, { recursive: true, force: true }));

test('two builds: every file is the same to the bit', async () => {
  const first = join(work, 'first');
  await succeeds(new PvmcProcess(await optionsIn(first)));
  const second = join(work, 'another folder, und noch einer');
  await succeeds(await anotherBuild(second));

  const [one, two] = [await digests(outputOf(first)), await digests(outputOf(second))];
  process.stdout.write(`${[...one].map(([name, sha]) => `${sha}  ${name}`).join('\n')}\n`);
  for (const [name, sha256] of one) {
    if (two.get(name) !== sha256) tellDifference(name, outputOf(first), outputOf(second));
  }
  expect(two).toEqual(one);
  expect(one.size).toBeGreaterThan(EXPORT_FORMAT_NAMES.length);
});

const outputOf = (folder: string) => join(folder, 'out');

/** Everything is built anew: the cache, which keeps the medium's system, is an empty one. */
async function optionsIn(folder: string): Promise<readonly string[]> {
  const manifest = join(folder, 'hello');
  await cp(join(ROOT, 'examples/hello'), manifest, { recursive: true });
  const exports = `\nexports: [${EXPORT_FORMAT_NAMES.join(', ')}]\n`;
  await appendFile(join(manifest, 'appliance.yaml'), exports);
  const places = ['--output', outputOf(folder), '--cache', join(folder, 'cache')];
  return ['build', manifest, ...places, '--keep', 'never', '--no-verify'];
}

async function anotherBuild(folder: string): Promise<PvmcProcess> {
  const options = await optionsIn(folder);
  const clone = join(folder, 'pvmc');
  await mkdir(clone);
  execFileSync('sh', ['-c', 'git archive HEAD | tar -x -C "$1"', 'sh', clone], { cwd: ROOT });
  // Younger than the clone's package-lock.json, so that nothing is installed.
  const modules = join(clone, 'node_modules');
  await cp(join(ROOT, 'node_modules'), modules, { recursive: true, verbatimSymlinks: true });
  const qemu = await FaultyQemu.install(folder, { add: ['-rtc', `base=${OTHER_DAY}`] });
  if (OTHER_USER !== undefined) execFileSync('chown', ['-R', OTHER_USER, folder]);
  const asUser = OTHER_USER === undefined ? [] : ['runuser', '-u', OTHER_USER, '--'];
  const own = [`HOME=${folder}`, `PATH=${qemu.binFolder}:${process.env['PATH'] ?? ''}`];
  const surroundings = ['env', ...OTHER_SURROUNDINGS, ...own, 'taskset', '--cpu-list', '0'];
  const umask = ['sh', '-c', 'umask 077; exec "$@"', 'sh'];
  const through = [...asUser, ...surroundings, ...umask];
  return new PvmcProcess(options, through, clone);
}

async function succeeds(build: PvmcProcess): Promise<void> {
  const ended = await build.ended;
  expect(saidOf(ended, 'build-failed')).toBeUndefined();
  expect(ended.status, ended.stderr).toBe(0);
}

/** Of everything in the output folder but what tells of the builds themselves. */
async function digests(output: string): Promise<Map<string, string>> {
  const entries = await readdir(output, { recursive: true, withFileTypes: true });
  const paths = entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(output.length + 1))
    .filter((path) => !path.startsWith('builds/') && !basename(path).startsWith('.'))
    .sort();
  const signal = new AbortController().signal;
  const found = new Map<string, string>();
  for (const path of paths) found.set(path, await sha256Of(join(output, path), signal));
  return found;
}

/** Where diffoscope is installed, what it says of a difference is in the test's output. */
function tellDifference(name: string, first: string, second: string): void {
  const command = 'command -v diffoscope >/dev/null || exit 0; diffoscope --text - "$1" "$2"';
  const argv = ['-c', `${command} || true`, 'sh', join(first, name), join(second, name)];
  process.stdout.write(execFileSync('sh', argv, { encoding: 'utf8', maxBuffer: 2 ** 28 }));
}
