/** The whole command line as a process of its own, bundled as it is shipped. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { STOPPING } from './interruption.ts';

let folder: string;
let program: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pvmc-main-'));
  program = join(folder, 'pvmc.js');
  await build({
    entryPoints: [join(import.meta.dirname, 'testing', 'stand-in-main.ts')],
    outfile: program,
    bundle: true,
    platform: 'node',
    target: 'node20.19',
    format: 'esm',
    external: ['libxml2-wasm'],
    banner: {
      js: "import { createRequire as makeRequire } from 'node:module'; const require = makeRequire(import.meta.url);",
    },
    logLevel: 'error',
  });
  await writeFile(join(folder, 'package.json'), '{"type":"module"}');
});
afterAll(() => rm(folder, { recursive: true }));

interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A process of ours and what it has said so far. */
class Running {
  readonly child: ChildProcessWithoutNullStreams;
  stdout = '';
  stderr = '';

  constructor(argv: readonly string[]) {
    const env = { PATH: process.env['PATH'], LANG: 'C.UTF-8', TMPDIR: folder };
    this.child = spawn(process.execPath, [program, ...argv], { cwd: folder, env });
    this.child.stdout.on('data', (bytes: Buffer) => {
      this.stdout += bytes.toString();
    });
    this.child.stderr.on('data', (bytes: Buffer) => {
      this.stderr += bytes.toString();
    });
  }

  async until(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(this.stdout);
      if (match) return match;
      if (this.child.exitCode !== null) throw new Error(`ended: ${this.stdout}${this.stderr}`);
      await sleep(20);
    }
  }

  async end(): Promise<Ended> {
    if (this.child.exitCode === null) await once(this.child, 'close');
    return { status: this.child.exitCode, stdout: this.stdout, stderr: this.stderr };
  }
}

const pvmc = (...argv: string[]) => new Running(argv).end();

async function manifest(simulate: object): Promise<string> {
  const name = `${Math.random().toString(36).slice(2)}.yaml`;
  await writeFile(join(folder, name), JSON.stringify({ name: 'hello', version: '1.0', simulate }));
  return name;
}

function lives(processId: number): boolean {
  try {
    process.kill(processId, 0);
    return true;
  } catch {
    return false;
  }
}

describe('the process', () => {
  it('tells what there is when nothing is asked', async () => {
    const { status, stdout, stderr } = await pvmc();
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toContain('Usage: pvmc');
  });

  it('exits 2 for an unknown command', async () => {
    expect(await pvmc('biuld')).toEqual({
      status: 2,
      stdout: '',
      stderr:
        '✗ there is no command "biuld"\n  hint: Did you mean build? pvmc --help tells what there is.\n',
    });
  });

  it('exits 2 for an unknown option', async () => {
    const { status, stderr } = await pvmc('build', '--jsno');
    expect(status).toBe(2);
    expect(stderr).toContain('Did you mean --json?');
  });

  it('exits 3 for a missing manifest', async () => {
    const { status, stderr } = await pvmc('build', 'nowhere');
    expect(status).toBe(3);
    expect(stderr).toContain('there is no nowhere');
  });

  it('exits 0 after a build', async () => {
    const { status, stdout, stderr } = await pvmc('build', await manifest({}));
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toContain('✓ built, imported afresh and seen to boot');
  });
});

describe('a defect', () => {
  it.each(['thrown', 'later'])('that is %s shows no trace, but where it is', async (defect) => {
    const file = await manifest({ failIn: 'boot', defect, stageSeconds: 0.3 });
    const { status, stderr } = await pvmc('build', file);
    expect(status).toBe(70);
    expect(stderr).toContain('this is a defect of pvmc: nothing is not a function');
    expect(stderr).not.toMatch(/^ *at /m);
    const trace = /(\/\S+trace\.txt)/.exec(stderr)?.[1] ?? '';
    expect(await readFile(trace, 'utf8')).toMatch(/^ *at /m);
  });
});

describe('a broken pipe', () => {
  it('ends the run quietly', async () => {
    const run = new Running(['build', '--verbose', await manifest({ stageSeconds: 1 })]);
    await run.until(/media: Build/);
    run.child.stdout.destroy();
    const { status, stderr } = await run.end();
    expect({ status, stderr }).toEqual({ status: 141, stderr: '' });
  });

  it('also ends what was started', async () => {
    const run = new Running(['build', '--verbose', await manifest({ hangIn: 'boot' })]);
    const processId = Number((await run.until(/process (\d+)/))[1]);
    run.child.stdout.destroy();
    const { status, stderr } = await run.end();
    expect({ status, stderr }).toEqual({ status: 141, stderr: '' });
    expect(lives(processId)).toBe(false);
  });
});

describe('a signal', () => {
  it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('%s stops the run in order', async (signal) => {
    const run = new Running(['build', '-v', await manifest({ hangIn: 'construct' })]);
    const processId = Number((await run.until(/process (\d+)/))[1]);
    run.child.kill(signal);
    const { status, stdout, stderr } = await run.end();
    expect(status).toBe(130);
    expect(stdout).toContain(`note: ${STOPPING}\n`);
    expect(stderr).toContain(
      `! stopped by ${signal === 'SIGINT' ? 'Ctrl-C' : signal} during construct\n`,
    );
    expect(lives(processId)).toBe(false);
  });

  it('that comes twice ends all at once, also what does not care for SIGTERM', async () => {
    const file = await manifest({ hangIn: 'construct', stubborn: true });
    const run = new Running(['build', '-v', file]);
    const processId = Number((await run.until(/process (\d+)/))[1]);
    run.child.kill('SIGINT');
    await run.until(/press Ctrl-C again/);
    await sleep(200);
    expect(run.child.exitCode).toBe(null);
    expect(lives(processId)).toBe(true);
    const sentAt = Date.now();
    run.child.kill('SIGINT');
    const { status, stderr } = await run.end();
    expect(status).toBe(130);
    expect(stderr).toContain('ended at once');
    // Far less than the seconds that a stubborn program is given to end by itself.
    expect(Date.now() - sentAt).toBeLessThan(2000);
    // The system needs a moment to take the killed process away.
    for (let waits = 0; waits < 100 && lives(processId); waits += 1) await sleep(20);
    expect(lives(processId)).toBe(false);
  });

  it('is one object with --json', async () => {
    const run = new Running(['build', '--json', await manifest({ hangIn: 'construct' })]);
    await run.until(/process (\d+)/);
    run.child.kill('SIGINT');
    const { status, stdout, stderr } = await run.end();
    expect({ status, stderr }).toEqual({ status: 130, stderr: '' });
    expect(JSON.parse(stdout.trim().split('\n').at(-1) ?? '')).toMatchObject({
      type: 'build-failed',
      failure: { kind: 'interrupted', code: 'interrupted', stage: 'construct' },
    });
  });
});
