import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { build } from 'esbuild';
import { expect, it } from 'vitest';

it('what we started does not outlive us, even when we are killed', async () => {
  const program = [
    `import { run } from ${JSON.stringify(join(import.meta.dirname, 'run.ts'))};`,
    `await run(['sh', '-c', 'sleep 60 & echo $$ $!; wait'], { log: (line) => console.log(line) });`,
  ].join('\n');
  const bundled = await bundle(program);
  const us = spawn(process.execPath, ['--input-type=module', '--eval', bundled], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const started = await new Promise<string>((resolve) =>
    createInterface({ input: us.stdout }).once('line', resolve),
  );
  us.kill('SIGKILL');
  for (const pid of started.split(' ')) expect(await soonGone(Number(pid))).toBe(true);
});

/** A program that imports TypeScript, as one that Node.js 20 runs. */
async function bundle(program: string): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents: program, resolveDir: '/', loader: 'ts' },
    bundle: true,
    write: false,
    platform: 'node',
    format: 'esm',
  });
  return outputFiles[0]?.text ?? '';
}

async function soonGone(pid: number): Promise<boolean> {
  for (let tries = 0; tries < 100; tries += 1) {
    const state = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => 'gone');
    if (state === 'gone' || state.includes(') Z ')) return true;
    await sleep(100);
  }
  return false;
}
