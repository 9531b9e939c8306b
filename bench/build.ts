/**
 * A build of examples/hello against plain mmdebstrap on this computer, for the same packages, in one run:
 *
 *     npm run bench -- build [MANIFEST] [REPETITIONS]
 *
 * Each turn runs mmdebstrap, then pvmc. The medium's system is made before, since a user has it from the
 * second build on. Figures are ratios to mmdebstrap's time: the computer's own speed cancels out, whether
 * the guest is accelerated does not, so the first line tells it.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { qemuHypervisor } from '../src/hypervisors/qemu/hypervisor.ts';
import { buildAppliance } from '../src/pipeline/build.ts';

import type { StageName } from '../src/pipeline/events.ts';
import { extraPackages } from '../src/pipeline/extra-packages.ts';
import { buildIso } from '../src/pipeline/iso.ts';
import { readAppliance } from '../src/pipeline/prepare.ts';
import { run } from '../src/system/run.ts';

const [manifestPath = 'examples/hello', repetitions = '1'] = process.argv.slice(2);
const signal = new AbortController().signal;
await compare();

interface Turn {
  readonly reference: number;
  readonly stages: Readonly<Partial<Record<StageName, number>>>;
}

async function compare(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'pvmc-bench-'));
  try {
    const { acceleration } = await qemuHypervisor().capabilities();
    console.log(acceleration.available ? 'accelerated' : `emulated: ${acceleration.why}`);
    await buildIso({ manifestPath, outputFolder: folder }, () => {}, signal);
    const turns: Turn[] = [];
    for (let turn = 1; turn <= Number(repetitions); turn += 1) {
      const reference = await mmdebstrap(join(folder, 'reference.tar'));
      const stages = await pvmc(folder);
      turns.push({ reference, stages });
      report(`turn ${turn}`, { reference, stages });
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Everything that the manifest asks for and everything that pvmc adds, as apt would take it. */
async function mmdebstrap(target: string): Promise<number> {
  const { manifest } = (await readAppliance(manifestPath)).file;
  const { suite, mirror, components } = manifest.repository;
  const packages = [...extraPackages(manifest), ...manifest.packages];
  const began = performance.now();
  await run([
    'mmdebstrap',
    '--variant=required',
    `--components=${components.join(',')}`,
    `--include=${packages.join(',')}`,
    '--aptopt=APT::Install-Recommends "false"',
    suite,
    target,
    mirror,
  ]);
  const seconds = (performance.now() - began) / 1000;
  await rm(target);
  return seconds;
}

async function pvmc(outputFolder: string): Promise<Turn['stages']> {
  const result = await buildAppliance(
    {
      manifestPath,
      outputFolder,
      hypervisor: 'qemu',
      verify: true,
      keep: 'never',
      reuse: 'nothing',
      timeouts: {},
    },
    () => {},
    signal,
  );
  return result.stageSeconds;
}

function report(title: string, { reference, stages }: Turn): void {
  const of = (...names: readonly StageName[]) =>
    names.reduce((sum, name) => sum + (stages[name] ?? 0), 0);
  const rows: readonly (readonly [string, number])[] = [
    ['mmdebstrap on the host', reference],
    ['stage 1, the base of the medium cached', of('media')],
    ['power-on to the constructor’s first word', of('start', 'boot')],
    ['stage 5, construct', of('construct')],
    ['power-on to power-off', of('start', 'boot', 'construct')],
    ['stage 6, export', of('export')],
    ['stage 7, verify under BIOS and UEFI', of('verify')],
    ['the whole', Object.values(stages).reduce((sum, seconds) => sum + seconds, 0)],
  ];
  console.log(`\n${title}`);
  for (const [what, seconds] of rows) {
    const ratio = (seconds / reference).toFixed(2);
    console.log(`  ${what.padEnd(42)}${seconds.toFixed(1).padStart(7)} s${ratio.padStart(8)}`);
  }
}
