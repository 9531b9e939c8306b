/** Folders that a build could be told to write to. */
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { run } from '../../system/run.ts';
import { fileSystemAt } from '../file-system.ts';
import { describe as describeTraits, outputFolder, type Traits } from './output-folder.ts';
import { space } from './space.ts';

const { signal } = new AbortController();
const GIB = 2 ** 30;

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pvmc-preflight-'));
});
afterEach(() => rm(folder, { recursive: true }));

const lookAt = (path: string) => outputFolder({ path, diskBytes: 8 * GIB }).look(signal);

describe('the output folder', () => {
  test('may still have to be made, and nothing is left of the trial', async () => {
    const path = join(folder, 'a/b');
    expect(await lookAt(path)).toEqual([
      { state: 'ok', finding: expect.stringMatching(/^\/.* is writable \(\w+\)$/) },
    ]);
    expect(await readdir(folder)).toEqual([]);
  });

  test('may be a file, or below one', async () => {
    const file = join(folder, 'file');
    await writeFile(file, '');
    expect(await lookAt(file)).toMatchObject([
      { state: 'problem', finding: `${file} is a file, where ${file} should be a folder` },
    ]);
    expect(await lookAt(join(file, 'out'))).toMatchObject([{ state: 'problem' }]);
  });

  test('may be one of the kernel’s, where nothing can be made', async () => {
    expect(await lookAt('/proc/self')).toMatchObject([{ state: 'problem' }]);
  });

  test('may be closed to this user', async (context) => {
    context.skip(process.getuid?.() === 0, 'root may write anywhere');
    await mkdir(join(folder, 'closed'), { mode: 0o500 });
    expect(await lookAt(join(folder, 'closed'))).toMatchObject([
      { state: 'problem', finding: expect.stringContaining('not writable for this user') },
    ]);
  });

  test('may be on a file system that lacks what others have', () => {
    const fat: Traits = { name: 'vfat', holes: false, hardLinks: false, largeFiles: undefined };
    expect(describeTraits('/media/stick', fat).map(({ finding }) => finding)).toEqual([
      '/media/stick (vfat) keeps no holes in files: the machine’s disk takes all of its size there',
      '/media/stick (vfat) has no hard links: a build cannot share files with an earlier one',
    ]);
    const small: Traits = { name: 'ext4', holes: true, hardLinks: true, largeFiles: false };
    expect(describeTraits('/srv', small)).toMatchObject([{ state: 'problem' }]);
  });
});

describe('disk space', () => {
  const MANY = 2 ** 50;
  const look = (outputBytes: number, temporaryBytes = 0) =>
    space({
      folders: { output: folder, cache: join(folder, 'cache'), temporary: '/dev/shm' },
      prediction: { outputBytes, cacheBytes: 0, temporaryBytes },
    }).look(signal);

  test('of folders on one file system is shared', async () => {
    const findings = await look(1000);
    const { device } = await fileSystemAt(folder);
    const apart = device === (await fileSystemAt('/dev/shm')).device ? 1 : 2;
    expect(findings).toHaveLength(apart);
    expect(findings[0]).toEqual({
      state: 'ok',
      finding: expect.stringContaining(`free for output ${folder}, cache ${folder}/cache`),
    });
  });

  test('that is missing is a problem, and that is scarce a warning', async () => {
    expect(await look(MANY)).toMatchObject([{ state: 'problem' }, {}]);
    const { freeBytes } = await fileSystemAt(folder);
    const [scarce] = await look(freeBytes * 1.1);
    expect(scarce).toMatchObject({
      state: 'warning',
      finding: expect.stringMatching(/^only .* free for output .*, and a build takes about /),
      cure: {
        commands: [`du -xh --max-depth=2 ${folder} | sort -h | tail`],
      },
    });
  });
});

test('a file system that is full, and one without room for more files, are told apart', async (context) => {
  // A file system of our own, which only root, or a user namespace, may mount.
  const mounts = ['unshare', '--map-root-user', '--mount'];
  const can = await run([...mounts, 'mount', '-t', 'tmpfs', 'none', folder]).catch(() => undefined);
  context.skip(can === undefined, 'no tmpfs can be mounted here');
  const script = join(folder, 'look.ts');
  const checks = join(import.meta.dirname);
  await writeFile(
    script,
    `import { outputFolder } from '${checks}/output-folder.ts';
    import { space } from '${checks}/space.ts';
    const path = process.argv[2];
    const { signal } = new AbortController();
    const folders = { output: path, cache: path, temporary: path };
    const prediction = { outputBytes: 1000, cacheBytes: 0, temporaryBytes: 0 };
    console.log(JSON.stringify([
      ...(await outputFolder({ path, diskBytes: 1e9 }).look(signal)),
      ...(await space({ folders, prediction }).look(signal)),
    ]));`,
  );
  const bundle = join(folder, 'look.mjs');
  await run([
    'node_modules/.bin/esbuild',
    script,
    '--bundle',
    '--platform=node',
    '--target=node20',
    '--format=esm',
    `--outfile=${bundle}`,
  ]);
  const tried = async (options: string, fill: string) => {
    const mounted = join(folder, 'mounted');
    await mkdir(mounted, { recursive: true });
    const shell = `mount -t tmpfs -o ${options} none "$1" && cd "$1" && { ${fill}; } ; exec "$2" "$3" "$1"`;
    const { stdout } = await run([
      ...mounts,
      'sh',
      '-c',
      shell,
      'sh',
      mounted,
      process.execPath,
      bundle,
    ]);
    return JSON.parse(stdout) as unknown;
  };
  expect(await tried('size=1m', 'head -c 2M /dev/zero >full 2>/dev/null || true')).toMatchObject([
    { state: 'problem', finding: expect.stringContaining('it is full, or your quota is used up') },
    { state: 'problem', finding: expect.stringContaining('only 0 B free') },
  ]);
  expect(await tried('size=8m,nr_inodes=20', 'touch a b c')).toMatchObject([
    { state: 'ok' },
    { state: 'problem', finding: expect.stringMatching(/no more than \d+ files can be made/) },
  ]);
});
