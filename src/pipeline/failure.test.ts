import { rm, writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { PvmcError } from '../system/error.ts';
import { type BuildFolder, closeBuildFolder } from './build-folder.ts';
import type { StageName } from './events.ts';
import { describeFailure } from './failure.ts';
import { StageRunner } from './stage-runner.ts';
import { makeTinyBuild } from './tiny-build.test-support.ts';

const ERROR = new PvmcError({
  kind: 'construct',
  code: 'script-failed',
  message: 'the script ended with exit status 3',
  details: ['a line of it'],
  hint: 'Look at it.',
});

let output = '';
let folder: BuildFolder;

beforeEach(async () => {
  ({ output, folder } = await makeTinyBuild());
});

afterEach(async () => {
  await closeBuildFolder(folder);
  await rm(output, { recursive: true, force: true });
});

async function failedIn(stage: StageName, guestLines: readonly string[] = []) {
  const stages = new StageRunner(() => {}, new AbortController().signal);
  const work = stages.run(stage, { limitSeconds: 60 }, async (progress) => {
    progress.step({ name: 'scripts', title: 'Run the scripts', index: 1 });
    throw ERROR;
  });
  await expect(work).rejects.toBe(ERROR);
  return describeFailure(ERROR, {
    folder,
    stages,
    guestLines,
    keep: 'latest',
    resume: './pvmc build x',
  });
}

test('a failure has its reason, its place, and how to repeat it', async () => {
  expect(await failedIn('construct', ['one', 'two'])).toEqual({
    kind: 'construct',
    code: 'script-failed',
    message: 'the script ended with exit status 3',
    hint: 'Look at it.',
    details: ['a line of it'],
    stage: 'construct',
    step: 'scripts',
    lastLines: ['one', 'two'],
    folder: folder.path,
    resume: './pvmc build x',
  });
});

test('of a guest that has not spoken the console’s last lines are shown, without what moves a cursor', async () => {
  const lines = Array.from({ length: 20 }, (_, index) => `\u001b[32mline\u001b[0m ${index}\r`);
  await writeFile(
    folder.consoleLogPath,
    `\u001b[2J\u001b[H${lines.join('\n')}\n\n   \n\u001b]0;title\u0007Kernel panic\u0007 - not syncing\n\u001b[0m\n`,
  );
  const { lastLines } = await failedIn('boot');
  expect(lastLines).toEqual([
    ...Array.from({ length: 11 }, (_, index) => `line ${index + 9}`),
    'Kernel panic - not syncing',
  ]);
  expect((await failedIn('construct')).lastLines).toEqual(lastLines);
});

test('a failure on this computer shows nothing of a guest', async () => {
  await writeFile(folder.consoleLogPath, 'old words\n');
  expect((await failedIn('export', ['one'])).lastLines).toEqual([]);
  expect((await failedIn('media')).lastLines).toEqual([]);
});

test('a console that was never written is no further failure', async () => {
  expect((await failedIn('start')).lastLines).toEqual([]);
});
