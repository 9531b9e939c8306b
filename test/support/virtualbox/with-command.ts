/** Runs a command with the VBoxManage of a VirtualBox of its own first on PATH, as scripts/with-virtualbox.mjs tells. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';
import { dirname } from 'node:path';
import { TestVirtualBox, whyNoVirtualBox } from './test-virtualbox.ts';

/** Guests run in the interpreter: with a clock as fast as ours they would do little but serve it. */
const CLOCK_PERCENT = 10;

process.exitCode = await withVirtualBox(process.argv.slice(2));

/** Returns the command's exit status, when that VirtualBox is gone again. */
async function withVirtualBox(command: readonly string[]): Promise<number> {
  const why = await whyNoVirtualBox();
  if (why !== undefined) {
    console.error(why);
    return 1;
  }
  const virtualbox = await TestVirtualBox.install({ clockPercent: CLOCK_PERCENT });
  try {
    return await statusOf(command, dirname(virtualbox.program));
  } finally {
    await virtualbox.remove();
  }
}

async function statusOf(command: readonly string[], folder: string): Promise<number> {
  const env = { ...process.env, PATH: `${folder}:${process.env['PATH'] ?? ''}` };
  // The shell says in its own words what it does not find.
  const child = spawn('sh', ['-c', 'exec "$@"', 'sh', ...command], { stdio: 'inherit', env });
  // The terminal sends Ctrl-C to both: the command ends, then this does.
  process.on('SIGINT', () => {});
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
  return code ?? 128 + (signal ? constants.signals[signal] : 0);
}
