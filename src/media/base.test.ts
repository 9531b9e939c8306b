import { writeFileSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { quietProgress } from '../system/progress.ts';
import { type BaseOptions, baseId, prepareBase } from './base.ts';
import { BASE_FILES } from './layout.ts';
import { scratchFolder } from './scratch-folder.test-support.ts';

const folder = scratchFolder();
const temporary = process.env['TMPDIR'];

beforeEach(async () => {
  await mkdir(folder.path('temporary'));
  process.env['TMPDIR'] = folder.path('temporary');
});
afterEach(() => {
  if (temporary === undefined) delete process.env['TMPDIR'];
  else process.env['TMPDIR'] = temporary;
});

function options(more: Partial<BaseOptions> = {}): BaseOptions {
  return {
    cacheFolder: folder.path('cache'),
    mirror: 'http://127.0.0.1:9/debian',
    sourceDateEpoch: 1_700_000_000,
    ...more,
  };
}

/** A finished base in the cache, as an earlier run left it. */
async function keepBase(): Promise<string> {
  const id = await baseId(options(), quietProgress());
  const kept = folder.path('cache', `base-${id.slice(0, 16)}`);
  await mkdir(kept, { recursive: true });
  const names = Object.values(BASE_FILES);
  for (const name of names) await writeFile(join(kept, name), name);
  const sizes = Object.fromEntries(names.map((name) => [name, name.length]));
  await writeFile(join(kept, 'base.json'), JSON.stringify({ id, sizes, packages: { dpkg: '1' } }));
  return kept;
}

/** What mmdebstrap does instead of its work. */
const insteadOfBuilding = (script: string) =>
  folder.standIn('mmdebstrap', `[ "$1" != --version ] || exit 0\n${script}`);

/** What mmdebstrap and our script leave, each file with its own name in it. */
async function buildAnything(): Promise<void> {
  const { kernel, biosImage, hybridBoot, efiProgram } = BASE_FILES;
  const names = [kernel, biosImage, hybridBoot, efiProgram, 'busybox', 'modules/module.ko'];
  await insteadOfBuilding(`
    for argument; do
      case $argument in
        *sync-out*) output=\${argument##* } ;;
        */system.tar) archive=$argument ;;
      esac
    done
    mkdir -p "$output/modules"
    cd "$output"
    for name in ${names.join(' ')}; do echo "$name" > "$name"; done
    printf 'dpkg\\t2\\n' > packages.txt
    tar -cf "$archive" packages.txt`);
}

async function nothingIsLeft(): Promise<void> {
  expect(await readdir(folder.path('cache'))).toEqual([]);
  expect(await readdir(folder.path('temporary'))).toEqual([]);
}

describe('the hash that a base is kept by', () => {
  test('is the same for the same ingredients, wherever the cache is', async () => {
    const id = await baseId(options(), quietProgress());
    expect(id).toMatch(/^[0-9a-f]{64}$/);
    expect(await baseId(options({ cacheFolder: '/elsewhere' }), quietProgress())).toBe(id);
  });

  test('changes with the mirror, the epoch and the tools', async () => {
    const ids = [
      await baseId(options(), quietProgress()),
      await baseId(options({ mirror: 'http://127.0.0.1:9/other' }), quietProgress()),
      await baseId(options({ sourceDateEpoch: 1 }), quietProgress()),
    ];
    await folder.standIn('mmdebstrap', 'echo mmdebstrap 99.0');
    ids.push(await baseId(options(), quietProgress()));
    expect(new Set(ids).size).toBe(ids.length);
  });
});

describe('the cache', () => {
  test('gives a base that is whole', async () => {
    const kept = await keepBase();
    const base = await prepareBase(options(), quietProgress());
    expect(base).toMatchObject({ folder: kept, cached: true, packages: { dpkg: '1' } });
  });

  test('a base of which a piece was cut off is not used', async () => {
    const kept = await keepBase();
    await writeFile(join(kept, BASE_FILES.system), '');
    await insteadOfBuilding('echo "E: built afresh" >&2; exit 7');
    await expect(prepareBase(options(), quietProgress())).rejects.toMatchObject({
      code: 'program-failed',
      details: ['E: built afresh'],
    });
  });

  test('a damaged base is replaced, and the next run takes the new one', async () => {
    await buildAnything();
    const kept = await keepBase();
    await writeFile(join(kept, BASE_FILES.kernel), 'cut');
    const built = await prepareBase(options(), quietProgress());
    expect(built).toMatchObject({ folder: kept, cached: false, packages: { dpkg: '2' } });
    expect(await readFile(join(kept, BASE_FILES.kernel), 'utf8')).toBe(`${BASE_FILES.kernel}\n`);
    expect(await prepareBase(options(), quietProgress())).toMatchObject({ cached: true });
    expect(await readdir(folder.path('cache'))).toEqual([basename(kept)]);
  });

  test('a base that another run has put there meanwhile stands', async () => {
    await buildAnything();
    const kept = await keepBase();
    const description = await readFile(join(kept, 'base.json'));
    await rm(join(kept, 'base.json'));
    const progress = {
      ...quietProgress(),
      log: () => {
        writeFileSync(join(kept, 'base.json'), description);
      },
    };
    const base = await prepareBase(options(), progress);
    expect(base.packages).toEqual({ dpkg: '1' });
  });

  test('what a killed run left is removed, what a living one works in is not', async () => {
    await keepBase();
    const dead = folder.path('cache', '.pvmc-base-dead');
    const living = folder.path('cache', '.pvmc-base-living');
    const outside = folder.path('temporary', 'outside');
    for (const path of [dead, living, outside]) await mkdir(path, { recursive: true });
    const owner = { processId: process.pid, startTime: 'another', temporary: outside };
    await writeFile(join(dead, 'owner.json'), JSON.stringify(owner));
    await insteadOfBuilding('echo "E: nothing" >&2; exit 7');
    const other = options({ sourceDateEpoch: 2 });
    await expect(prepareBase(other, quietProgress())).rejects.toThrow('mmdebstrap failed');
    await expect(stat(dead)).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(stat(outside)).rejects.toMatchObject({ code: 'ENOENT' });
    expect((await stat(living)).isDirectory()).toBe(true);
  });
});

test('an abort while the packages are fetched leaves nothing behind', async () => {
  const controller = new AbortController();
  await insteadOfBuilding('touch "$TMPDIR/x"; echo here; exec sleep 60');
  const progress = {
    ...quietProgress(controller.signal),
    log: (line: string) => line === 'here' && controller.abort(new Error('enough')),
  };
  await expect(prepareBase(options(), progress)).rejects.toThrow('enough');
  await nothingIsLeft();
});

test('a program that is missing is named', async () => {
  process.env['PATH'] = folder.path('programs');
  await expect(prepareBase(options(), quietProgress())).rejects.toMatchObject({
    kind: 'host',
    code: 'program-missing',
  });
});

describe('mmdebstrap’s failures', () => {
  const REMARKS = 'I: automatically chosen mode: unshare\nI: running apt-get update...\n';

  test.each([
    ['tar: x: Cannot write: No space left on device', 'host', 'no-space'],
    ['E: unshare(CLONE_NEWUSER) failed: Operation not permitted', 'host', 'no-user-namespace'],
    ['E: invalid /etc/subuid: no entry for tester', 'host', 'no-user-namespace'],
    ['E: The repository is not signed: NO_PUBKEY 0E98', 'repository', 'repository-signature'],
    ['E: Release file for x is expired', 'repository', 'repository-signature'],
    [
      'E: Failed to fetch http://x/InRelease  Could not connect',
      'repository',
      'repository-unreachable',
    ],
    ['E: something that nobody has seen yet', 'host', 'program-failed'],
  ])('%s', async (said, kind, code) => {
    await writeFile(folder.path('said'), `${REMARKS}${said}\n`);
    await insteadOfBuilding(`cat ${folder.path('said')} >&2; exit 1`);
    const failure = prepareBase(options(), quietProgress());
    await expect(failure).rejects.toMatchObject({ kind, code, hint: expect.any(String) });
    await nothingIsLeft();
  });
});
