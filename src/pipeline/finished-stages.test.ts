/** Whose work a build takes: its own, that of which others, and when none. */
import { rm } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { closeBuildFolder, reopenBuildFolder } from './build-folder.ts';
import { type RecordedBuild, recordedBuilds } from './earlier-builds.ts';
import { FinishedStages } from './finished-stages.ts';
import { Journal } from './journal.ts';
import type { BuildRecord } from './record.ts';
import { makeOutputFolder, makeRecorded } from './recorded-build.test-support.ts';
import { StageOrder } from './stage-order.ts';
import { StageRunner } from './stage-runner.ts';

let output = '';

beforeEach(async () => {
  output = await makeOutputFolder();
});

afterEach(() => rm(output, { recursive: true }));

interface Situation {
  /** The record of the build that runs, before it began. */
  readonly own?: Partial<BuildRecord>;
  readonly options?: Partial<ConstructorParameters<typeof StageOrder>[0]>;
}

/** A build that runs, beside those that were recorded before. */
async function running({ own = {}, options = {} }: Situation = {}) {
  const earlier: readonly RecordedBuild[] = await recordedBuilds(output);
  const { path, record } = await makeRecorded(output, own);
  const order = new StageOrder({ verify: true, reuse: 'same', ...options });
  const { version: _v, owner: _o, began: _b, outcome: _u, ...before } = record;
  const { redoFrom = order.redoFrom } = record;
  const journal = await Journal.begin(path, { ...before, redoFrom });
  const folder = await reopenBuildFolder(path, '');
  await closeBuildFolder(folder);
  const runner = new StageRunner(() => {}, new AbortController().signal);
  const begun = { folder, journal, resumed: false, earlier };
  return { finished: new FinishedStages(begun, order, runner), journal, build: record.build };
}

const NEW = { stages: {}, checkpoint: undefined };
const KEYS = ['media', 'construct', 'export', 'verify'] as const;

async function takeAll(finished: FinishedStages): Promise<(string | undefined)[]> {
  const builds: (string | undefined)[] = [];
  for (const stage of KEYS) {
    const taken = await finished.take(stage, stage);
    if (!taken) await finished.begin(stage);
    builds.push(taken?.build);
  }
  return builds;
}

describe('a new build', () => {
  test('takes everything from one that has it, and is the same as that one', async () => {
    const { record } = await makeRecorded(output);
    const { finished, journal } = await running({ own: NEW });
    expect(await takeAll(finished)).toEqual(KEYS.map(() => record.build));
    expect(finished.sameAs).toBe(record.build);
    expect(journal.record.stages.construct).toMatchObject({ key: 'construct', from: record.build });
    expect(await finished.takeCheckpoint('install')).toBe(record.build);
  });

  test('is the same as none when it takes from several, or does something itself', async () => {
    const { construct: _c, ...others } = (await makeRecorded(output)).record.stages;
    await makeRecorded(output, { stages: others });
    const { finished } = await running({ own: NEW });
    expect(new Set(await takeAll(finished)).size).toBe(2);
    expect(finished.sameAs).toBeUndefined();
  });

  test('takes nothing with --force, and the checkpoint neither', async () => {
    await makeRecorded(output);
    const { finished } = await running({ own: NEW, options: { reuse: 'nothing' } });
    expect(await takeAll(finished)).toEqual(KEYS.map(() => undefined));
    expect(await finished.takeCheckpoint('install')).toBeUndefined();
  });

  test('takes what comes before --from, and refuses to do it when nobody has', async () => {
    const { record } = await makeRecorded(output);
    const { finished } = await running({ own: NEW, options: { from: 'export' } });
    const { build } = record;
    expect(await takeAll(finished)).toEqual([build, build, undefined, undefined]);
    await expect(finished.begin('construct')).rejects.toMatchObject({ code: 'stage-missing' });
  });
});

describe('a build that is taken up again', () => {
  test('takes its own work before that of others', async () => {
    await makeRecorded(output);
    const { finished, build } = await running();
    expect(await takeAll(finished)).toEqual(KEYS.map(() => build));
    expect(finished.sameAs).toBeUndefined();
  });

  test('and was to do everything again takes nothing of others', async () => {
    await makeRecorded(output);
    const { finished, build, journal } = await running({ own: { redoFrom: 'media' } });
    for (const stage of ['construct', 'export', 'verify'] as const)
      await journal.forgetStage(stage);
    expect(await takeAll(finished)).toEqual([build, undefined, undefined, undefined]);
  });
});
