/**
 * The checkpoint after `install`: the disk at rest, with all packages installed and nothing that tells
 * one appliance from another. The host may copy it; a machine that is given the copy goes on from there,
 * because it finds its own scratch file system with a state that says so.
 */
import { mkdir, rm } from 'node:fs/promises';
import { installKey, scratchUuid } from '../manifest/input-keys.ts';
import { messageOf } from '../system/error.ts';
import { formatDuration } from '../system/size.ts';
import type { ConstructionState, Identity } from './record.ts';
import { scratchOn, stateOn } from './scratch-disk.ts';
import type { InstallContext } from './step.ts';
import { mountKernelInterfaces } from './steps/bootstrap.ts';
import type { BlockDevice } from './steps/find-disk.ts';
import { openScratch } from './steps/scratch.ts';

/** The step that a checkpoint has behind it. */
const CHECKPOINT = 'install';

/** Whoever may copy the disk. */
export interface CheckpointTaker {
  /** Whether there is somebody. */
  takesCheckpoints(): Promise<boolean>;
  /** Says that the disk is at rest; resolves when it need be so no longer, with what came of it. */
  offer(name: string, key: string, signal: AbortSignal): Promise<CheckpointOutcome>;
}

export type CheckpointOutcome =
  | { readonly taken: true }
  | { readonly taken: false; readonly why: string };

/** Whether the disk holds exactly what the steps up to `install` would make now, and no more. */
export async function isCheckpoint(context: InstallContext, disk: BlockDevice): Promise<boolean> {
  const scratch = await scratchOn(context, disk);
  if (scratch?.uuid !== scratchUuid(context.manifest)) return false;
  // A damaged file system is none of ours to go on with, and none to erase either.
  const state = await stateOn(context, scratch).catch(() => undefined);
  return state !== undefined && endsAtCheckpoint(state, context.record.identity);
}

/** Pure, so that a test shows which states count. */
export function endsAtCheckpoint(state: ConstructionState, identity: Identity): boolean {
  return (
    state.installKey === identity.installKey &&
    state.code === identity.code &&
    state.steps.every((step) => step.state === 'done') &&
    state.steps.at(-1)?.name === CHECKPOINT
  );
}

/** Puts the construction where it was when the checkpoint was taken. */
export async function takeUp(context: InstallContext): Promise<void> {
  await openScratch(context);
  await mountKernelInterfaces(context);
  context.progress.notice('The packages are on the disk already: going on from a checkpoint.');
}

/** Brings the disk to rest and lets it be copied. Without a checkpoint the construction is as good. */
export async function offerCheckpoint(
  context: InstallContext,
  taker: CheckpointTaker,
): Promise<void> {
  if (!(await taker.takesCheckpoints())) return;
  const { progress, record } = context;
  const started = performance.now();
  try {
    await removePackageFiles(context);
    await context.run(['sync']);
    await record.pause();
    const outcome = await frozen(context, () =>
      taker.offer(CHECKPOINT, installKey(context.manifest), progress.signal),
    );
    const seconds = formatDuration((performance.now() - started) / 1000);
    if (outcome.taken) progress.log(`the host has taken a checkpoint; it took ${seconds}`);
    else progress.notice(`No checkpoint was taken: ${outcome.why}.`);
  } catch (thrown) {
    progress.signal.throwIfAborted();
    progress.notice(`No checkpoint was taken: ${messageOf(thrown)}.`);
  } finally {
    record.goOn();
  }
}

/** They are installed. What is no longer there need not be copied. */
async function removePackageFiles(context: InstallContext): Promise<void> {
  const { packages, scratch } = context.workspace;
  await rm(packages, { recursive: true, force: true }).catch(() => {});
  await mkdir(packages, { recursive: true });
  // A disk that cannot forget blocks keeps them.
  await context.run(['fstrim', scratch], { accept: [0, 1, 32] });
}

async function frozen<T>(context: InstallContext, work: () => Promise<T>): Promise<T> {
  const { scratch } = context.workspace;
  await context.run(['fsfreeze', '--freeze', scratch]);
  try {
    return await work();
  } finally {
    await context.run(['fsfreeze', '--unfreeze', scratch]);
  }
}
