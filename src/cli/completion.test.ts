import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../system/run.ts';

let folder: string;
let program: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pvmc completion-'));
  program = join(folder, 'bin', 'pvmc.mjs');
  for (const name of ['bin', 'shop', 'examples/hello', 'examples/web', 'out', 'node_modules/x'])
    await mkdir(join(folder, name), { recursive: true });
  for (const name of ['shop', 'examples/hello', 'examples/web', 'node_modules/x'])
    await writeFile(join(folder, name, 'appliance.yaml'), '');
  for (const name of ['other.yaml', 'out/a b.ova', 'out/hello.ova', 'out/x.qcow2'])
    await writeFile(join(folder, name), '');
  await build({
    entryPoints: [join(import.meta.dirname, 'testing', 'stand-in-main.ts')],
    outfile: program,
    bundle: true,
    platform: 'node',
    format: 'esm',
    external: ['libxml2-wasm'],
    banner: {
      js: "import { createRequire as makeRequire } from 'node:module'; const require = makeRequire(import.meta.url);",
    },
    logLevel: 'error',
  });
});
afterAll(() => rm(folder, { recursive: true }));

async function pvmc(...argv: string[]): Promise<string> {
  return (await run([process.execPath, program, ...argv], { cwd: folder })).stdout;
}

/** What may stand at the last word. */
async function completed(...words: string[]): Promise<string[]> {
  const lines = (await pvmc('complete', '--', ...words)).split('\n');
  return lines.filter((line) => !line.startsWith(':')).map((line) => line.split('\t')[0] ?? '');
}

describe('completion', () => {
  it('knows the commands', async () => {
    expect(await completed('')).toEqual(
      expect.arrayContaining([
        'init',
        'check',
        'plan',
        'build',
        'iso',
        'verify',
        'completion',
        'help',
      ]),
    );
    expect(await completed('ver')).toEqual(['verify', 'version']);
  });

  it('knows options, those of all commands too', async () => {
    expect(await completed('build', '--ver')).toEqual(['--version', '--verbose']);
    expect(await completed('build', '--no-')).toEqual(['--no-verify', '--no-color']);
  });

  it('knows what an option can be', async () => {
    expect(await completed('build', '--keep', '')).toEqual(['latest', 'always', 'failed', 'never']);
    expect(await completed('build', '--timeout', 's')).toEqual(['start=', 'silence=']);
    expect(await completed('completion', '')).toEqual(['bash', 'zsh', 'fish']);
  });

  it('finds manifests some folders deep, but none of somebody else', async () => {
    expect((await completed('build', '')).sort()).toEqual([
      'examples/hello',
      'examples/web',
      'other.yaml',
      'shop',
    ]);
    expect(await completed('plan', 'examples/h')).toEqual(['examples/hello']);
    expect(await completed('build', '--json', join(folder, 'sh'))).toEqual([join(folder, 'shop')]);
  });

  it('finds appliances for import', async () => {
    expect((await completed('import', '')).sort()).toEqual(['out/a b.ova', 'out/hello.ova']);
  });

  it.each(['verify', 'diff'])('finds disks of any format for %s', async (command) => {
    const found = ['out/a b.ova', 'out/hello.ova', 'out/x.qcow2'];
    expect((await completed(command, '')).sort()).toEqual(found);
  });

  it('finds disks for lint too', async () => {
    await writeFile(join(folder, 'out', 'disk.vmdk'), '');
    expect(await completed('lint', 'out/d')).toEqual(['out/disk.vmdk']);
  });
});

describe('the bash script', () => {
  /** What bash would put at the place of the last word. */
  async function inBash(...words: string[]): Promise<string[]> {
    const script = `
      eval "$1"; eval "$1"; shift
      COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
      compopt() { echo "compopt $*"; }
      _pvmc_complete
      printf '%s\\n' "\${COMPREPLY[@]}"`;
    const argv = [
      'bash',
      '--norc',
      '-euc',
      script,
      'bash',
      await pvmc('completion', 'bash'),
      ...words,
    ];
    const { stdout, stderr } = await run(argv, { cwd: folder });
    expect(stderr).toBe('');
    return stdout.split('\n');
  }

  it('completes commands', async () =>
    expect(await inBash('pvmc', 'ver')).toEqual(['verify', 'version']));
  it('quotes file names', async () => {
    expect(await inBash('./pvmc', 'verify', 'out/a')).toEqual(['out/a\\ b.ova']);
  });
  it('evaluates nothing that was typed', async () => {
    expect(await inBash('pvmc', 'build', '$(touch evil)', '')).not.toContain('evil');
    expect(await completed('build', 'evi')).toEqual([]);
    await expect(run(['test', '!', '-e', join(folder, 'evil')])).resolves.toBeTruthy();
  });
  it('leaves no space after a name that goes on', async () => {
    expect(await inBash('pvmc', 'build', '--timeout', 'boo')).toEqual([
      'compopt -o nospace',
      'boot=',
    ]);
  });
});

describe.each(['zsh', 'fish'])('the %s script', (shell) => {
  it('calls this very program', async () => {
    expect(await pvmc('completion', shell)).toContain(`'${program}' complete -- `);
  });
});
