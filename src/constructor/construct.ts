/** Stage 5, as a table of contents: the steps in order, each timed, announced and given back. */

import type { GuestMessage } from '../link/protocol.ts';
import { secondsSince } from '../system/elapsed.ts';
import type { Context, Step } from './step.ts';
import { bootstrap } from './steps/bootstrap.ts';
import { clean } from './steps/clean.ts';
import { configure } from './steps/configure.ts';
import { fetchPackages } from './steps/fetch.ts';
import { files } from './steps/files.ts';
import { findDisk } from './steps/find-disk.ts';
import { firmware, grub } from './steps/grub.ts';
import { install } from './steps/install.ts';
import { kernel } from './steps/kernel.ts';
import { partition } from './steps/partition.ts';
import { root } from './steps/root.ts';
import { scratch } from './steps/scratch.ts';
import { scripts } from './steps/scripts.ts';
import { services } from './steps/services.ts';
import { users } from './steps/users.ts';

export const STEPS: readonly Step[] = [
  findDisk,
  partition,
  scratch,
  fetchPackages,
  bootstrap,
  install,
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

/** The step that was running when an error was thrown. */
export class StepError extends Error {
  readonly step: string;
  constructor(step: string, cause: unknown) {
    super(`the step ${step} failed`, { cause });
    this.step = step;
  }
}

/** Runs all steps. @throws StepError with the first failure as its cause. */
export async function construct(
  context: Context,
  say: (message: GuestMessage) => void,
  steps: readonly Step[] = STEPS,
): Promise<void> {
  say({ type: 'plan', steps: steps.map(({ name, title }) => ({ name, title })) });
  for (const step of steps) {
    say({ type: 'step-started', step: step.name });
    const started = performance.now();
    try {
      await step.run(context);
    } catch (thrown) {
      throw new StepError(step.name, thrown);
    }
    say({ type: 'step-finished', step: step.name, seconds: secondsSince(started) });
  }
}
