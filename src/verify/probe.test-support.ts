/** Runs the real probe in a real shell: this computer plays the appliance, but for systemd. */
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LinkDecoder } from '../link/protocol.ts';
import { run } from '../system/run.ts';
import type { ApplianceCheck } from './check.ts';
import { probeScript } from './probe.ts';
import { type ProbeMessage, readProbeMessage } from './probe-message.ts';

export interface ProbeRun {
  readonly checks: readonly ApplianceCheck[];
  readonly checkSeconds?: number;
  /** What `systemctl is-system-running` says, one word for each time that it is asked. */
  readonly states?: readonly string[];
  readonly failedUnits?: readonly string[];
  readonly journal?: string;
}

/** Everything that the probe said. Anything else on the link is an error. */
export async function runProbe(options: ProbeRun): Promise<readonly ProbeMessage[]> {
  const { checks, checkSeconds = 2 } = options;
  const folder = await mkdtemp(join(tmpdir(), 'pvmc-probe-'));
  try {
    const programs = await standInForSystemd(folder, options);
    const link = join(folder, 'link');
    await writeFile(link, '');
    const script = join(folder, 'script');
    await writeFile(script, probeScript({ checks, checkSeconds }));
    await run(['sh', script], {
      env: {
        PATH: `${programs}:/usr/bin:/bin`,
        PVMC_LINK: link,
        RUNTIME_DIRECTORY: folder,
      },
    });
    return new LinkDecoder().push(await readFile(link)).map((event) => {
      const message = event.type === 'message' ? readProbeMessage(event.message) : undefined;
      if (!message) throw new Error(`the probe said ${JSON.stringify(event)}`);
      return message;
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function standInForSystemd(folder: string, options: ProbeRun): Promise<string> {
  const { states = ['running'], failedUnits = [], journal = '' } = options;
  const programs = join(folder, 'bin');
  await mkdir(programs);
  await writeFile(join(folder, 'states'), `${states.join('\n')}\n`);
  await writeFile(join(folder, 'failed'), failedUnits.map((unit) => `${unit} x x x\n`).join(''));
  await writeFile(join(folder, 'journal'), journal);
  await program(
    join(programs, 'systemctl'),
    `case $1 in
      is-system-running) head -n 1 '${folder}/states'; sed -i '1{$!d}' '${folder}/states' ;;
      list-jobs) echo '12 slow.service start running'; echo '13 next.service start waiting' ;;
      list-units) cat '${folder}/failed' ;;
    esac`,
  );
  await program(join(programs, 'journalctl'), `echo "asked: $*"; cat '${folder}/journal'`);
  return programs;
}

async function program(path: string, body: string): Promise<void> {
  await writeFile(path, `#!/bin/sh\n${body}\n`);
  await chmod(path, 0o755);
}
