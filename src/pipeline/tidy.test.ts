import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { recordedBuilds } from './earlier-builds.ts';
import { thisProcess } from './record.ts';
import { makeOutputFolder, makeRecorded } from './recorded-build.test-support.ts';
import { supersede, tidy } from './tidy.ts';

let output = '';

beforeEach(async () => {
  output = await makeOutputFolder();
});

afterEach(() => rm(output, { recursive: true }));

const LARGE = ['medium.iso', 'disk.raw', 'checkpoint.raw', 'export'];
const left = (path: string) => LARGE.filter((name) => existsSync(join(path, name)));

describe('when a build is over', () => {
  test.each([
    ['latest', 'succeeded', LARGE],
    ['latest', 'failed', LARGE],
    // Half a disk is good for nothing.
    ['latest', 'interrupted', ['medium.iso', 'checkpoint.raw', 'export']],
    ['always', 'interrupted', LARGE],
    ['failed', 'succeeded', []],
    ['failed', 'failed', LARGE],
    ['never', 'failed', []],
  ] as const)('--keep %s and %s leave %j', async (keep, outcome, expected) => {
    const { path } = await makeRecorded(output);
    await tidy({ path, keep, outcome, constructed: false });
    expect(left(path)).toEqual(expected);
  });
});

describe('what an ended build takes the place of', () => {
  test('is everything older of its appliance, when it succeeded', async () => {
    const succeeded = await makeRecorded(output);
    const failed = await makeRecorded(output, { outcome: 'failed' });
    const pinned = await makeRecorded(output, { keep: 'always' });
    const other = await makeRecorded(output, { appliance: 'other' });
    const owner = await thisProcess();
    const running = await makeRecorded(output, { outcome: undefined, owner });
    await supersede(await recordedBuilds(output), { appliance: 'tiny', outcome: 'succeeded' });
    expect([succeeded, failed].map(({ path }) => left(path))).toEqual([[], []]);
    for (const { path } of [pinned, other, running]) expect(left(path)).toEqual(LARGE);
    expect(await recordedBuilds(output)).toHaveLength(5);
  });

  test('is the disks of older failures, when it failed', async () => {
    const succeeded = await makeRecorded(output);
    const failed = await makeRecorded(output, { outcome: 'failed' });
    await supersede(await recordedBuilds(output), { appliance: 'tiny', outcome: 'failed' });
    expect(left(succeeded.path)).toEqual(LARGE);
    expect(left(failed.path)).toEqual(['medium.iso', 'checkpoint.raw', 'export']);
  });
});
