/** What a failed build tells a person: the reason, where it was, and the guest's last words. */
import { access } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { ConsoleLog } from '../console/console-log.ts';
import type { PvmcError } from '../system/error.ts';
import { commandLine } from '../system/run.ts';
import type { BuildFolder } from './build-folder.ts';
import type { KeepPolicy } from './build-options.ts';
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
  readonly keep: KeepPolicy;
}

/** The failure with all that a screen has room for. */
export async function describeFailure(
  error: PvmcError,
  circumstances: FailureCircumstances,
): Promise<BuildFailure> {
  const { folder, stages, guestLines, resume } = circumstances;
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
    diagnose: kind === 'interrupted' ? undefined : await diagnoseCommand(circumstances),
  };
}

/** Undefined when there is no machine to look at. */
async function diagnoseCommand({
  folder,
  stages,
  keep,
}: FailureCircumstances): Promise<string | undefined> {
  const { name, path, diskPath, mediumPath } = folder;
  if (keep === 'never' || !IN_GUEST.has(stages.stage)) return undefined;
  for (const file of [diskPath, mediumPath]) if (!(await exists(file))) return undefined;
  const output = dirname(dirname(path));
  const where = output === resolve('out') ? [] : ['--output', output];
  return commandLine(['./pvmc', 'diagnose', name, ...where]);
}

const IN_GUEST: ReadonlySet<StageName | undefined> = new Set(['start', 'boot', 'construct']);

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/** Over the link the guest says most; before that there is only its console. */
async function lastLines(
  stage: StageName | undefined,
  guestLines: readonly string[],
  { consoleLogPath }: BuildFolder,
): Promise<readonly string[]> {
  if (stage === 'construct' && guestLines.length > 0) return guestLines;
  return IN_GUEST.has(stage) ? lastConsoleLines(consoleLogPath) : [];
}

async function lastConsoleLines(path: string): Promise<readonly string[]> {
  return (await new ConsoleLog(path).lines()).slice(-LAST_LINES);
}
