/** The manifest's scripts, in order, inside the installed system that does not run yet. */
import { join } from 'node:path';
import { PvmcError } from '../../system/error.ts';
import type { Context, Step } from '../step.ts';
import { bindPayload } from './files.ts';

const KEPT_LINES = 20;

export const scripts: Step = {
  name: 'scripts',
  title: 'Run the scripts',
  plan: ({ scripts: listed }) => listed.map(({ name }) => `chroot ROOT ${name}`),
  async run(context) {
    const { scripts: listed } = context.manifest;
    if (listed.length === 0) return;
    const payload = await bindPayload(context);
    for (const [index, script] of listed.entries()) {
      context.progress.log(`script ${index + 1} of ${listed.length}: ${script.name}`);
      await runScript(context, script.name, join(payload, script.payload));
      context.progress.amount({ done: index + 1, total: listed.length, unit: 'steps' });
    }
  },
};

async function runScript(context: Context, name: string, path: string): Promise<void> {
  const last: string[] = [];
  const inside = '/run/pvmc-script';
  // The medium may be mounted without execute permission, and a script may be without its bit.
  await context.runInRoot(['install', '--mode', '0700', path, inside]);
  const { status } = await context.runInRoot([inside], {
    env: { DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C.UTF-8' },
    output: 'quiet',
    accept: Array.from({ length: 256 }, (_, code) => code),
    onLine: (line) => {
      last.push(line);
      if (last.length > KEPT_LINES) last.shift();
      context.progress.log(line, `script ${name}`);
    },
  });
  if (status !== 0) throw failed(name, status, last);
}

function failed(name: string, status: number, last: readonly string[]): PvmcError {
  return new PvmcError({
    kind: 'construct',
    code: 'script-failed',
    message: `the script ${name} ended with exit status ${status}`,
    details: last,
    hint: 'The lines above are its last. A script runs in the installed system before its first boot: no service runs yet.',
  });
}
