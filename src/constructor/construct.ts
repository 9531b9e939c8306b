/** Stage 5, as a table of contents: the steps in order, each timed, announced and kept in the record. */

import type { GuestMessage } from '../link/protocol.ts';
import { secondsSince } from '../system/elapsed.ts';
import { messageOf, PvmcError } from '../system/error.ts';
import { type CheckpointTaker, offerCheckpoint, takeUp } from './checkpoint.ts';
import type { Context, InstallContext, Step } from './step.ts';
import { bootstrap, mountKernelInterfaces } from './steps/bootstrap.ts';
import { clean } from './steps/clean.ts';
import { configure } from './steps/configure.ts';
import { fetchPackages } from './steps/fetch.ts';
import { files } from './steps/files.ts';
import { findDisk } from './steps/find-disk.ts';
import { firmware, grub } from './steps/grub.ts';
import { install } from './steps/install.ts';
import { kernel } from './steps/kernel.ts';
import { type PartitionContext, partition } from './steps/partition.ts';
import { root } from './steps/root.ts';
import { openScratch, scratch } from './steps/scratch.ts';
import { scripts } from './steps/scripts.ts';
import { services } from './steps/services.ts';
import { users } from './steps/users.ts';

/** Done in every construction: they know a checkpoint when they see one, and leave it as it is. */
const BEGINNING: readonly Step<PartitionContext>[] = [findDisk, partition];

/** What they make is the checkpoint, so they are given nothing that is not in its key. */
const INSTALLATION: readonly Step<InstallContext>[] = [scratch, fetchPackages, bootstrap, install];

const CONFIGURATION: readonly Step[] = [
  configure,
  users,
  files,
  services,
  scripts,
  kernel,
  grub,
  clean,
  root,
  firmware,
];

export const STEPS: readonly Step[] = [...BEGINNING, ...INSTALLATION, ...CONFIGURATION];

/** The step that was running when an error was thrown. */
export class StepError extends Error {
  readonly step: string;
  constructor(step: string, cause: unknown) {
    super(`the step ${step} failed`, { cause });
    this.step = step;
  }
}

export type Say = (message: GuestMessage) => void;

/** Runs all steps, or those behind a checkpoint. @throws StepError with the first failure as its cause. */
export async function construct(context: Context, say: Say, taker: CheckpointTaker): Promise<void> {
  say({ type: 'plan', steps: STEPS.map(({ name, title }) => ({ name, title })) });
  await perform(BEGINNING, context, say);
  if (context.workspace.found === 'checkpoint') {
    await attempt(scratch.name, () => takeUp(context));
  } else {
    await perform(INSTALLATION, context, say);
    await attempt(install.name, () => offerCheckpoint(context, taker));
  }
  await perform(CONFIGURATION, context, say);
}

/** Goes on with the step of that name, on the disk of the workspace, as far as others have come. */
export async function goOn(first: string, context: Context, say: Say): Promise<void> {
  context.workspace.repeated = true;
  await partition.run(context);
  if (!isBefore(first, fetchPackages.name)) await openScratch(context);
  if (isBefore(bootstrap.name, first)) await mountKernelInterfaces(context);
  const names = STEPS.map(({ name }) => name);
  await perform(STEPS.slice(names.indexOf(first)), context, say);
}

function isBefore(one: string, other: string): boolean {
  const names = STEPS.map(({ name }) => name);
  return names.indexOf(one) < names.indexOf(other);
}

/** Runs these steps, one after the other. @throws StepError */
export async function perform(steps: readonly Step[], context: Context, say: Say): Promise<void> {
  const { record } = context;
  for (const step of steps) {
    say({ type: 'step-started', step: step.name });
    const started = performance.now();
    await attempt(step.name, async () => {
      await record.begin(step.name);
      await step.run(context);
    }).catch(async (thrown: StepError) => {
      await record.fail(step.name, inShort(thrown.cause));
      throw thrown;
    });
    const seconds = secondsSince(started);
    await record.finish(step.name, seconds);
    say({ type: 'step-finished', step: step.name, seconds });
  }
}

async function attempt(step: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (thrown) {
    throw new StepError(step, thrown);
  }
}

function inShort(cause: unknown): { readonly code: string; readonly message: string } {
  const code = cause instanceof PvmcError ? cause.code : 'constructor-defect';
  return { code, message: messageOf(cause) };
}
