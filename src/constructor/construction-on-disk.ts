/** Finds the construction that was begun on one of the machine's disks, for whoever goes on with it. */
import { readFile } from 'node:fs/promises';
import { scratchUuid } from '../manifest/input-keys.ts';
import type { InstallInputs } from '../manifest/installation-manifest.ts';
import { PvmcError } from '../system/error.ts';
import { STEPS } from './construct.ts';
import { type ConstructionState, readState } from './record.ts';
import { type ScratchOnDisk, scratchOn, stateOn } from './scratch-disk.ts';
import type { Programs } from './step.ts';
import { type BlockDevice, describe, wholeDisks } from './steps/find-disk.ts';
import { SCRATCH_MOUNT } from './steps/scratch.ts';

export interface DiskWithScratch {
  readonly disk: BlockDevice;
  readonly scratch: ScratchOnDisk;
}

/** All disks that hold the scratch file system of a construction. */
export async function disksWithScratch(programs: Programs): Promise<DiskWithScratch[]> {
  const found: DiskWithScratch[] = [];
  for (const disk of await wholeDisks(programs)) {
    const scratch = await scratchOn(programs, disk);
    if (scratch) found.push({ disk, scratch });
  }
  return found;
}

export interface Construction {
  readonly disk: string;
  readonly state: ConstructionState;
}

/** The one construction of these inputs; undefined when no disk holds one. @throws PvmcError */
export async function findConstruction(
  programs: Programs,
  inputs: InstallInputs,
): Promise<Construction | undefined> {
  const wanted = scratchUuid(inputs);
  const all = await disksWithScratch(programs);
  const [one, second] = all.filter(({ scratch }) => scratch.uuid === wanted);
  if (second) throw ambiguous(all);
  if (!one) {
    if (all.length > 0) throw foreign(all);
    return undefined;
  }
  const state = await stateOn(programs, one.scratch);
  if (!state) throw unknownState(one);
  return { disk: one.disk.path, state };
}

const NAMES = STEPS.map(({ name }) => name);
/** They are done anew whenever a construction goes on, so it need not be known whether they were. */
const ALWAYS_DONE = new Set(['find-disk', 'partition']);

/** Refuses what is no step. @throws PvmcError */
export function checkStepName(name: string): void {
  if (NAMES.includes(name)) return;
  throw new PvmcError({
    kind: 'usage',
    code: 'step-unknown',
    message: `there is no step “${name}”`,
    hint: `The steps are: ${NAMES.join(' ')}`,
  });
}

/** The step to go on with: the wanted one, or the first that is not done. @throws PvmcError */
export function nextStep(steps: ConstructionState['steps'], wanted?: string): string {
  const done = new Set(steps.filter(({ state }) => state === 'done').map(({ name }) => name));
  if (done.has('root')) throw scratchGone();
  const first = NAMES.find((name) => !done.has(name) && !ALWAYS_DONE.has(name)) ?? 'root';
  if (wanted === undefined) return first;
  checkStepName(wanted);
  if (NAMES.indexOf(wanted) <= NAMES.indexOf(first)) {
    return ALWAYS_DONE.has(wanted) ? 'scratch' : wanted;
  }
  throw new PvmcError({
    kind: 'usage',
    code: 'step-too-early',
    message: `the step ${wanted} cannot be done yet: ${first}, which comes before it, is not done`,
    hint: `Go on with that: constructor run --from ${first}`,
  });
}

/** The steps that one can go on with. */
export function possibleSteps(steps: ConstructionState['steps']): readonly string[] {
  const last = NAMES.indexOf(nextStep(steps));
  return NAMES.slice(0, last + 1).filter((name) => !ALWAYS_DONE.has(name));
}

/** What this boot's constructor did, if it has begun. */
export function stateInMemory(logs: string): ConstructionState | undefined {
  return readState(logs);
}

/** The medium's service works, or it was ended before it could give its mounts back. */
export async function refuseWhileBusy(programs: Programs): Promise<void> {
  const service = ['systemctl', 'is-active', 'pvmc-constructor.service'];
  const { stdout } = await programs.run(service, { accept: [0, 1, 2, 3, 4], output: 'quiet' });
  if (stdout.trim() !== 'activating') return;
  throw new PvmcError({
    kind: 'usage',
    code: 'constructor-busy',
    message: 'the constructor is at work',
    hint: 'Alt+F1 shows it. To stop it: systemctl stop pvmc-constructor',
  });
}

/** Gives back what a constructor that was killed has left mounted. */
export async function releaseLeftOvers(programs: Programs): Promise<void> {
  const mounts = (await readFile('/proc/self/mounts', 'utf8')).split('\n');
  const [device] = mounts.find((line) => line.split(' ')[1] === SCRATCH_MOUNT)?.split(' ') ?? [];
  if (device === undefined) return;
  await programs.run(['fsfreeze', '--unfreeze', SCRATCH_MOUNT], { accept: [0, 1] });
  await programs.run(['umount', '--recursive', SCRATCH_MOUNT]);
  await programs.run(['losetup', '--detach', device]);
}

function ambiguous(all: readonly DiskWithScratch[]): PvmcError {
  return new PvmcError({
    kind: 'construct',
    code: 'disk-ambiguous',
    message: 'several disks hold a construction of this medium, and nothing says which to use',
    details: all.map(({ disk }) => `seen: ${describe(disk)}`),
    hint: 'Leave only one of them attached.',
  });
}

function foreign(all: readonly DiskWithScratch[]): PvmcError {
  return new PvmcError({
    kind: 'construct',
    code: 'construction-foreign',
    message: 'the disk holds a construction of other packages than this medium’s',
    details: all.map(({ disk }) => `seen: ${describe(disk)}`),
    hint: 'Boot the medium that it was begun with, or erase the disk: wipefs --all /dev/DISK',
  });
}

function unknownState({ disk }: DiskWithScratch): PvmcError {
  return new PvmcError({
    kind: 'construct',
    code: 'construction-unknown',
    message: `nothing tells how far the construction on ${disk.path} has come`,
    hint: `Start over: wipefs --all ${disk.path}; constructor run`,
  });
}

function scratchGone(): PvmcError {
  return new PvmcError({
    kind: 'usage',
    code: 'scratch-gone',
    message:
      'the scratch file system is gone: the step root has written the root file system over it',
    hint: 'Start over on an erased disk: wipefs --all /dev/DISK; constructor run',
  });
}
