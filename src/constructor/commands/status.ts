/** Tells how far a construction has come: that of this boot, or else those on the machine's disks. */
import { cp, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { scratchUuid } from '../../manifest/input-keys.ts';
import { messageOf } from '../../system/error.ts';
import { formatDuration } from '../../system/size.ts';
import { STEPS } from '../construct.ts';
import {
  type DiskWithScratch,
  disksWithScratch,
  possibleSteps,
  stateInMemory,
} from '../construction-on-disk.ts';
import { readInstallationManifest } from '../installation.ts';
import { mediumPrograms } from '../medium-programs.ts';
import { type ConstructionState, LOG_NAME, readState, type StepRecord } from '../record.ts';
import { lookInto } from '../scratch-disk.ts';
import { describe, wholeDisks } from '../steps/find-disk.ts';
import { RECORD_FOLDER } from '../steps/scratch.ts';

export interface StatusOptions {
  readonly installation: string;
  readonly logs: string;
}

export async function showStatus({ installation, logs }: StatusOptions): Promise<number> {
  const manifest = await readInstallationManifest(installation);
  const { name, version } = manifest.appliance;
  const memory = stateInMemory(logs);
  const disks = await disksWithScratch(mediumPrograms);
  const lines = [`This medium constructs ${name} ${version}.`];
  if (memory)
    lines.push('', 'In this boot:', ...stateLines(memory), `log: ${join(logs, LOG_NAME)}`);
  for (const one of disks) {
    const ours = one.scratch.uuid === scratchUuid(manifest);
    lines.push('', ...(await diskLines(one, { ours, logs })));
  }
  if (disks.length === 0) lines.push('', ...(await noScratchLines()));
  process.stdout.write(`${lines.join('\n')}\n`);
  return 0;
}

async function noScratchLines(): Promise<string[]> {
  const disks = await wholeDisks(mediumPrograms);
  return [
    'No disk holds a construction that could go on. Disks:',
    ...disks.map((disk) => `  ${describe(disk)}`),
    'constructor run begins one on an empty disk.',
  ];
}

async function diskLines(
  { disk, scratch }: DiskWithScratch,
  { ours, logs }: { readonly ours: boolean; readonly logs: string },
): Promise<string[]> {
  const beginning = `On ${describe(disk)}:`;
  try {
    const folder = await copyRecord(scratch, logs);
    const state = readState(folder);
    if (!state) return [beginning, 'a construction of which nothing else is known'];
    return [
      beginning,
      ...stateLines(state),
      `log: ${join(folder, LOG_NAME)} (constructor logs shows it)`,
      ...(ours ? goingOn(state) : ['It is of other packages than this medium’s.']),
    ];
  } catch (thrown) {
    return [beginning, `a construction that cannot be read: ${messageOf(thrown)}`];
  }
}

/** Log and state of a construction that is not mounted, for a look: copied into memory. */
async function copyRecord(scratch: DiskWithScratch['scratch'], logs: string): Promise<string> {
  const folder = join(logs, 'from-disk', scratch.disk.replace('/dev/', ''));
  await mkdir(folder, { recursive: true });
  await lookInto(mediumPrograms, scratch, async (mounted) => {
    await cp(join(mounted, RECORD_FOLDER), folder, { recursive: true });
    const dpkgLog = join(mounted, 'root/var/log/dpkg.log');
    await cp(dpkgLog, join(folder, 'dpkg.log')).catch(() => {});
  });
  return folder;
}

/** One line a step, in the order in which they are done. */
export function stateLines({ appliance, steps }: ConstructionState): string[] {
  const known = new Map(steps.map((step) => [step.name, step]));
  const lines = STEPS.map(({ name }) => stepLine(name, known.get(name)));
  return [`the construction of ${appliance}`, ...lines];
}

function stepLine(name: string, step: StepRecord | undefined): string {
  const column = (word: string) => `  ${word.padEnd(9)}${name.padEnd(11)}`;
  switch (step?.state) {
    case undefined:
      return column('to do').trimEnd();
    case 'done':
      return `${column('done')}${formatDuration(step.seconds ?? 0)}`;
    case 'running':
      return `${column('begun')}at ${step.began}, and not ended`;
    case 'failed':
      return `${column('FAILED')}${step.error?.code ?? ''}: ${step.error?.message ?? ''}`;
  }
}

function goingOn({ steps }: ConstructionState): string[] {
  try {
    return [
      'To go on: constructor run',
      `or, over what was done: constructor run --from STEP, with one of ${possibleSteps(steps).join(' ')}`,
    ];
  } catch (thrown) {
    return [messageOf(thrown)];
  }
}
