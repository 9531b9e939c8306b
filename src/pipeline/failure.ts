/** What a failed build tells a person: the reason, where it was, and the guest's last words. */
import { ConsoleLog } from '../console/console-log.ts';
import type { PvmcError } from '../system/error.ts';
import type { BuildFolder } from './build-folder.ts';
import type { BuildFailure, StageName } from './events.ts';
import type { StageRunner } from './stage-runner.ts';

const LAST_LINES = 12;

export interface FailureCircumstances {
  readonly folder: BuildFolder;
  readonly stages: StageRunner;
  /** What the guest said last over the link. */
  readonly guestLines: readonly string[];
  /** The command that goes on. */
  readonly resume: string;
}

/** The failure with all that a screen has room for. */
export async function describeFailure(
  error: PvmcError,
  { folder, stages, guestLines, resume }: FailureCircumstances,
): Promise<BuildFailure> {
  const { kind, code, message, hint, details } = error;
  return {
    kind,
    code,
    message,
    hint,
    details,
    stage: stages.stage,
    step: stages.step,
    lastLines: await lastLines(stages.stage, guestLines, folder),
    folder: folder.path,
    resume,
  };
}

/** Over the link the guest says most; before that there is only its console. */
async function lastLines(
  stage: StageName | undefined,
  guestLines: readonly string[],
  { consoleLogPath }: BuildFolder,
): Promise<readonly string[]> {
  if (stage === 'construct' && guestLines.length > 0) return guestLines;
  const inGuest = stage === 'start' || stage === 'boot' || stage === 'construct';
  return inGuest ? lastConsoleLines(consoleLogPath) : [];
}

async function lastConsoleLines(path: string): Promise<readonly string[]> {
  return (await new ConsoleLog(path).lines()).slice(-LAST_LINES);
}
