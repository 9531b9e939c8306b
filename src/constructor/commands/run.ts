/** Goes on with a construction, at the console: the same steps, with nobody on the link. */
import { PvmcError } from '../../system/error.ts';
import { construct, goOn } from '../construct.ts';
import {
  checkStepName,
  findConstruction,
  nextStep,
  refuseWhileBusy,
  releaseLeftOvers,
  stateInMemory,
} from '../construction-on-disk.ts';
import { mediumPrograms } from '../medium-programs.ts';
import { holdSession, type Work } from '../session.ts';

export interface RunOptions {
  readonly installation: string;
  readonly logs: string;
  /** The step to begin with; the one that failed, or comes next, unless given. */
  readonly from: string | undefined;
}

export async function runSteps({ installation, logs, from }: RunOptions): Promise<number> {
  if (from !== undefined) checkStepName(from);
  await refuseWhileBusy(mediumPrograms);
  await releaseLeftOvers(mediumPrograms);
  // Looked at before anything is begun anew, which would write over it.
  const before = stateInMemory(logs)?.steps ?? [];
  const verdict = await holdSession({ installation, link: undefined, logs }, async (work) => {
    const found = await findConstruction(work.context, work.context.manifest);
    if (!found) {
      nextStep(before, from);
      return startOver(work, from);
    }
    const first = nextStep(found.state.steps, from);
    work.context.workspace.disk = found.disk;
    work.context.record.takeOver(found.state.steps);
    work.context.progress.notice(`Going on with the step ${first} on ${found.disk}.`);
    await goOn(first, work.context, work.say);
  });
  if (verdict.ok) process.stdout.write('The disk is ready. To power the machine off: poweroff\n');
  return verdict.ok ? 0 : 1;
}

/** Without a construction on any disk there is only the whole of it, on an empty one. */
async function startOver({ context, say, taker }: Work, from: string | undefined): Promise<void> {
  if (from !== undefined && from !== 'find-disk') {
    throw new PvmcError({
      kind: 'usage',
      code: 'no-construction',
      message: `no disk holds a construction that could go on with the step ${from}`,
      hint: 'constructor run, without --from, begins one on an empty disk.',
    });
  }
  await construct(context, say, taker);
}
