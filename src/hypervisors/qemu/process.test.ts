import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { build } from 'esbuild';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pvmc-test-'));
});

afterEach(() => rm(folder, { recursive: true, force: true }));

/** A program that starts a process in the way of this module, tells its pid, and does as told. */
async function parent(then: string): Promise<string> {
  const path = join(folder, 'parent.mjs');
  await build({
    stdin: {
      contents: `
        import { startProcess } from './process.ts';
        const { pid } = startProcess({
          argv: ['sleep', '60'],
          logPath: process.argv[2],
          openConsole: false,
        });
        console.log(pid);
        ${then}`,
      resolveDir: import.meta.dirname,
    },
    bundle: true,
    platform: 'node',
    format: 'esm',
    outfile: path,
  });
  return path;
}

async function runParent(
  then: string,
  act: (child: ChildProcessWithoutNullStreams) => void,
): Promise<string> {
  const program = await parent(then);
  const child = spawn(process.execPath, [program, join(folder, 'log')]);
  const pid = await new Promise<string>((resolve) => {
    child.stdout.once('data', (data) => resolve(String(data).trim()));
  });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  // setpriv becomes the program in its own time.
  while (!(await commandOf(pid)).startsWith('sleep')) await sleep(10);
  act(child);
  await ended;
  return pid;
}

async function commandOf(pid: string): Promise<string> {
  return readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
}

async function expectGone(pid: string): Promise<void> {
  const limit = performance.now() + 5000;
  while ((await commandOf(pid)) !== '' && performance.now() < limit) await sleep(10);
  expect(await commandOf(pid)).toBe('');
}

describe('a process of ours', () => {
  it('is gone when we are killed', async () => {
    const pid = await runParent('setInterval(() => {}, 1000);', (child) => child.kill('SIGKILL'));
    await expectGone(pid);
  });

  it('is gone when we end and forget it', async () => {
    const pid = await runParent("process.stdin.once('data', () => process.exit(0));", (child) =>
      child.stdin.write('x'),
    );
    await expectGone(pid);
  });
});
