/** What is refused before a machine starts. That one does is for test/machine. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { PvmcError } from '../system/error.ts';
import { diagnoseBuild } from './diagnose.ts';
import { thisProcess } from './record.ts';
import { makeOutputFolder, makeRecorded } from './recorded-build.test-support.ts';

let output = '';

beforeEach(async () => {
  output = await makeOutputFolder();
});

afterEach(() => rm(output, { recursive: true }));

async function refusal(build = 'latest'): Promise<PvmcError> {
  const session = {
    signal: new AbortController().signal,
    notice: () => {},
    onStarted: () => {},
    connect: async () => 'user' as const,
    onOutput: () => {},
  };
  const options = { outputFolder: output, build, screen: false };
  const thrown: unknown = await diagnoseBuild(options, session).catch((error: unknown) => error);
  if (thrown instanceof PvmcError) return thrown;
  throw new Error('it was not refused', { cause: thrown });
}

test('a build that is not there', async () => {
  expect((await refusal()).code).toBe('no-builds');
  const { record } = await makeRecorded(output);
  expect(await refusal('shop')).toMatchObject({ code: 'build-unknown', details: [record.build] });
});

test('a build that runs', async () => {
  const { record } = await makeRecorded(output, {
    outcome: undefined,
    owner: await thisProcess(),
  });
  expect(await refusal()).toMatchObject({
    code: 'build-running',
    message: `the build ${record.build} is running (process ${process.pid})`,
  });
});

test.each([
  ['disk', 'disk.raw'],
  ['medium', 'medium.iso'],
])('a build whose %s was not kept', async (what, file) => {
  const { path, record } = await makeRecorded(output);
  await rm(join(path, file));
  expect(await refusal()).toMatchObject({
    code: 'nothing-kept',
    message: `the ${what} of the build ${record.build} was not kept`,
  });
});
