/** What a failed build tells a person: the reason, where it was, and the guest's last words. */
import { readFile } from 'node:fs/promises';
import type { PvmcError } from '../system/error.ts';
import { plainText } from '../system/plain-text.ts';
import type { BuildFolder } from './build-folder.ts';
import type { BuildFailure } from './events.ts';
import type { StageRunner } from './stage-runner.ts';

const LAST_LINES = 12;

export interface FailureCircumstances {
  readonly folder: BuildFolder;
  readonly stages: StageRunner;
  /** The command for the same build. */
  readonly repeat: string;
}

/** The failure with all that a screen has room for. */
export async function describeFailure(
  error: PvmcError,
  { folder, stages, repeat }: FailureCircumstances,
): Promise<BuildFailure> {
  const { kind, code, message, hint, details } = error;
  const inGuest =
    stages.stage === 'boot' || stages.stage === 'construct' || stages.stage === 'start';
  return {
    kind,
    code,
    message,
    hint,
    details,
    stage: stages.stage,
    step: stages.step,
    lastLines: inGuest ? await lastConsoleLines(folder.consoleLogPath) : [],
    folder: folder.path,
    repeat,
  };
}

/** The last lines that the guest's console showed, without what moves a cursor. */
async function lastConsoleLines(path: string): Promise<string[]> {
  const text = await readFile(path, 'utf8').catch(() => '');
  return text
    .split('\n')
    .map(plainText)
    .filter((line) => line.trim() !== '')
    .slice(-LAST_LINES);
}
