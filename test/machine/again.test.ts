/**
 * The second build: what is the same is not done again, and a build that was cut off and taken up again
 * gives the same bits as one that was not. All builds here start from the checkpoint of the first one.
 */
import { execFileSync } from 'node:child_process';
import { appendFile, cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { sha256Of } from '../../src/system/sha256.ts';
import { type HelloBuild, helloBuild, saidOf, stepsOf } from '../support/hello-build.ts';
import { type Ended, PvmcProcess, processesNaming, type Said } from '../support/pvmc-process.ts';
import { ROOT } from '../support/repository-files.ts';

let hello: HelloBuild;
let work: string;
/** The output folder of the first build, with second names of the same files. */
let output: string;

beforeAll(async () => {
  hello = await helloBuild();
  work = await mkdtemp(join(tmpdir(), 'pvmc-again-'));
  output = join(work, 'out');
  execFileSync('cp', ['-al', hello.folder, output]);
});

afterAll(() => rm(work, { recursive: true, force: true }));

const digest = (path: string) => sha256Of(path, new AbortController().signal);

function build(manifest: string, ...options: readonly string[]): PvmcProcess {
  return new PvmcProcess(['build', manifest, '-o', output, '--no-verify', ...options]);
}

function stages({ said }: Ended, type: 'stage-finished' | 'stage-reused'): unknown[] {
  return said.filter((one) => one.type === type).map((one) => one['stage']);
}

const GUEST_STAGES = ['machine', 'start', 'boot', 'construct'];

test('nothing has changed: nothing is done, and it says so', async () => {
  const before = await readdir(join(output, 'builds'));
  const ended = await build('examples/hello').ended;
  expect(ended.status).toBe(0);
  expect(stages(ended, 'stage-finished')).toEqual(['media']);
  expect(stages(ended, 'stage-reused')).toEqual([...GUEST_STAGES, 'export']);
  const name = basename(hello.buildFolder);
  expect(saidOf(ended, 'build-finished')).toMatchObject({
    result: { unchanged: true, build: name },
  });
  expect(await readdir(join(output, 'builds'))).toEqual(before);
});

test('exported again from the same disk: the same bits', async () => {
  const ended = await build('examples/hello', '--from', 'export').ended;
  expect(ended.status).toBe(0);
  expect(stages(ended, 'stage-finished')).toEqual(['media', 'export']);
  expect(await digest(join(output, 'hello-1.0.0.ova'))).toBe(await digest(hello.ova));
});

test('another description: it is exported again, without a guest', async () => {
  const manifest = join(work, 'described');
  await cp(join(ROOT, 'examples/hello'), manifest, { recursive: true });
  const path = join(manifest, 'appliance.yaml');
  const text = await readFile(path, 'utf8');
  await writeFile(path, text.replace(/^description: .*$/m, 'description: Another one'));
  const ended = await build(manifest).ended;
  expect(ended.status).toBe(0);
  expect(stages(ended, 'stage-finished')).toEqual(['media', 'export']);
  expect(stages(ended, 'stage-reused')).toEqual(GUEST_STAGES);
  expect(await digest(join(output, 'hello-1.0.0.ova'))).not.toBe(await digest(hello.ova));
});

test('a script that fills the guest’s disk: the verdict has its last lines, the machine can be opened', async () => {
  const manifest = join(work, 'filling');
  await cp(join(ROOT, 'examples/hello'), manifest, { recursive: true });
  const script = [
    'scripts:',
    '  - name: fill the disk',
    '    run: |',
    '      echo filling',
    '      fallocate --length 100GiB /var/full',
  ];
  await appendFile(join(manifest, 'appliance.yaml'), `${script.join('\n')}\n`);
  const ended = await build(manifest).ended;
  const { failure } = (saidOf(ended, 'build-failed') ?? {}) as { failure?: { folder: string } };
  expect(failure).toMatchObject({ code: 'script-failed', stage: 'construct', step: 'scripts' });
  expect(ended.status).toBe(7);
  expect(stepsOf(ended)).not.toContain('install');
  expect(JSON.stringify(failure)).toContain('No space left on device');
  const kept = failure?.folder ?? '';
  expect(await readFile(join(kept, 'guest/constructor.log'), 'utf8')).toContain('filling');
  expect((await readFile(join(kept, 'screen.png'))).subarray(1, 4).toString()).toBe('PNG');

  expect(JSON.stringify(failure)).toContain(`./pvmc diagnose ${basename(kept)}`);
  const command = 'lsblk --noheadings --output NAME /dev/vda; exit 3';
  const opening = ['diagnose', basename(kept), '-o', output, '--command', command];
  const opened = await new PvmcProcess(opening).ended;
  const shown = saidOf(opened, 'command-finished')?.['output'];
  expect([opened.status, shown]).toEqual([3, expect.stringContaining('vda3')]);
  expect(await readdir(kept)).not.toContainEqual(expect.stringMatching(/^diagnose/));
});

test('killed while it constructs, and taken up again: the same bits', async () => {
  // As if nobody had finished it: only the checkpoint is left.
  for (const name of await readdir(join(output, 'builds'))) {
    for (const file of ['disk.raw', 'export'])
      await rm(join(output, 'builds', name, file), { recursive: true, force: true });
  }
  const killed = build('examples/hello');
  await killed.until(begins('services'));
  killed.kill('SIGKILL');
  await killed.ended;
  for (let tries = 0; tries < 50 && processesNaming(output).length > 0; tries += 1)
    await new Promise((resolve) => setTimeout(resolve, 100));
  expect(processesNaming(output)).toEqual([]);
  expect(stepsOf(killed)).not.toContain('install');

  const resumed = await build('examples/hello', '--resume').ended;
  expect(saidOf(resumed, 'build-failed')).toBeUndefined();
  expect(resumed.status).toBe(0);
  expect(stepsOf(resumed)).not.toContain('install');
  expect(stepsOf(resumed)).toContain('root');
  expect(await digest(join(output, 'hello-1.0.0.ova'))).toBe(await digest(hello.ova));
});

function begins(step: string) {
  return (said: Said) => said.type === 'step-started' && said['step'] === step;
}
