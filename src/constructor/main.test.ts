/** The guest's program as the medium has it: bundled, started by node, heard over a serial line. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { messageOf } from '../system/error.ts';
import { run } from '../system/run.ts';
import { serialLine } from './testing/serial-line.ts';

let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pvmc-constructor-'));
  await build({
    entryPoints: { constructor: join(import.meta.dirname, 'main.ts') },
    bundle: true,
    platform: 'node',
    target: 'node20.19',
    format: 'esm',
    outdir: folder,
    outExtension: { '.js': '.mjs' },
    logLevel: 'warning',
  });
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

/** Runs it until it ends; none of the manifests here lets it get as far as a disk. */
async function constructing(installation: string, link: string) {
  const argv = [
    process.execPath,
    join(folder, 'constructor.mjs'),
    'construct',
    '--no-power-off',
    `--installation=${installation}`,
    `--link=${link}`,
    `--logs=${join(folder, 'logs')}`,
  ];
  return run(argv, { accept: [1] });
}

const isVerdict = (message: unknown) => (message as { readonly type: string }).type === 'verdict';

/** What it said, its journal left out. */
async function heard(installation: string) {
  await using line = await serialLine();
  const { stdout } = await constructing(installation, line.path);
  await line.until(isVerdict);
  const messages = line.events.map((event) => (event.type === 'message' ? event.message : event));
  return { stdout, messages };
}

function foreign(message: string, hint: unknown = expect.any(String)) {
  const code = 'foreign-installation-manifest';
  return {
    type: 'verdict',
    verdict: { ok: false, step: 'start', code, message, hint, details: [] },
  };
}

describe('the constructor', () => {
  test('greets, and says in its verdict that there is no installation manifest', async () => {
    const missing = join(folder, 'missing.json');
    const { messages, stdout } = await heard(missing);
    expect(messages[0]).toMatchObject({
      type: 'hello',
      constructor: `node ${process.version}`,
    });
    expect(messages.at(-1)).toMatchObject({
      type: 'verdict',
      verdict: {
        ok: false,
        step: 'start',
        code: 'no-installation-manifest',
        message: `there is no installation manifest at ${missing}: ENOENT: no such file or directory, open '${missing}'`,
      },
    });
    // Nothing but words and log files came in between.
    for (const message of messages.slice(1, -1)) expect(message).toMatchObject({ type: 'file' });
    expect(stdout).toContain('pvmc constructor on Linux');
    expect(stdout).toContain(`FAILED before the first step: there is no installation manifest`);
    expect(stdout).toContain(`The log is ${join(folder, 'logs')}/constructor.log`);
  });

  test('refuses the installation manifest of another release', async () => {
    const path = join(folder, 'newer.json');
    await writeFile(path, JSON.stringify({ version: 99, packages: [] }));
    const { messages } = await heard(path);
    expect(messages.at(-1)).toEqual(
      foreign(
        'the installation manifest has version 99; this constructor reads version 1',
        'Make the medium afresh with one version of pvmc: pvmc iso.',
      ),
    );
  });

  test.each([
    ['cut off', '{"version": 1, "pack'],
    ['empty', ''],
    ['nothing', 'null'],
  ])('refuses an installation manifest that is %s', async (what, text) => {
    const path = join(folder, `${what}.json`);
    await writeFile(path, text);
    const { messages } = await heard(path);
    const message: unknown = expect.stringContaining(`${path} is no installation manifest: `);
    expect(messages.at(-1)).toMatchObject({
      type: 'verdict',
      verdict: { ok: false, step: 'start', code: 'foreign-installation-manifest', message },
    });
  });

  test('runs without a link too, with its verdict on the console and in its status', async () => {
    const { stdout, status } = await constructing(join(folder, 'missing.json'), '/dev/no-line');
    expect(status).toBe(1);
    expect(stdout).toContain('FAILED before the first step');
  });

  test('makes its log', async () => {
    await constructing(join(folder, 'missing.json'), '/dev/no-line');
    const log = await readFile(join(folder, 'logs/constructor.log'), 'utf8').catch(messageOf);
    expect(log).toBe('');
  });
});

describe('at the console', () => {
  async function said(...words: string[]) {
    const argv = [process.execPath, join(folder, 'constructor.mjs'), ...words];
    return run(argv, { accept: [0, 2] });
  }

  test('help lists the commands and the steps, and is there when nothing was said', async () => {
    const { stdout, status } = await said('help');
    expect(status).toBe(0);
    expect(stdout).toContain('constructor run --from STEP');
    expect(stdout).toContain('find-disk partition scratch fetch bootstrap install configure');
    expect((await said()).stdout).toBe(stdout);
  });

  test.each([
    [['dance'], 'there is no command “dance”\nconstructor help lists what can be done.'],
    [['status', 'of', 'what'], 'status takes no argument “of what”'],
    [['run', '--form=root'], 'Unknown option'],
    [['run', '--from=rot'], 'there is no step “rot”\nThe steps are: find-disk partition'],
  ])('%j is refused in words', async (words, message) => {
    const { stderr, status } = await said(...words);
    expect(status).toBe(2);
    expect(stderr).toContain(`constructor: ${message}`);
    expect(stderr).not.toContain('    at ');
  });
});
