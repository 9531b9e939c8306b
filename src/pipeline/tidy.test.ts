import { existsSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
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
    ['failed', 'succeeded', ['medium.iso', 'export']],
    ['failed', 'failed', LARGE],
    ['never', 'failed', ['medium.iso', 'export']],
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
    const path = join(output, 'builds', 'new');
    const ended = { path, appliance: 'tiny', outcome: 'succeeded' } as const;
    await supersede(await recordedBuilds(output), ended);
    expect([succeeded, failed].map((build) => left(build.path))).toEqual([[], []]);
    for (const build of [pinned, other, running]) expect(left(build.path)).toEqual(LARGE);
    expect(await recordedBuilds(output)).toHaveLength(5);
  });

  test('is the disks of older failures, when it failed', async () => {
    const succeeded = await makeRecorded(output);
    const failed = await makeRecorded(output, { outcome: 'failed' });
    const path = join(output, 'builds', 'new');
    const ended = { path, appliance: 'tiny', outcome: 'failed' } as const;
    // It never got as far as a disk: nothing takes the place of the older one.
    await supersede(await recordedBuilds(output), ended);
    expect(left(failed.path)).toEqual(LARGE);
    await mkdir(path);
    await writeFile(join(path, 'disk.raw'), 'a later one');
    await supersede(await recordedBuilds(output), ended);
    expect(left(succeeded.path)).toEqual(LARGE);
    expect(left(failed.path)).toEqual(['medium.iso', 'checkpoint.raw', 'export']);
  });
});
