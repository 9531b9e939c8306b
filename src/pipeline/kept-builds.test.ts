import { mkdir, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { cleanBuilds } from './clean.ts';
import { buildReport, findBuild, keptBuilds } from './kept-builds.ts';
import { share } from './outputs.ts';
import { thisProcess } from './record.ts';
import { makeOutputFolder, makeRecorded } from './recorded-build.test-support.ts';
import { beginVerification } from './verification-record.ts';

let output = '';

beforeEach(async () => {
  output = await makeOutputFolder();
});

afterEach(() => rm(output, { recursive: true }));

const names = async () => (await keptBuilds(output)).map(({ build }) => build);

describe('builds', () => {
  test('are listed with their state and the room they take, what they share once', async () => {
    const older = await makeRecorded(output, { outcome: 'failed' });
    const newer = await makeRecorded(output);
    const before = await keptBuilds(output);
    await share(join(newer.path, 'disk.raw'), join(older.path, 'disk.raw'));
    const [first, second] = await keptBuilds(output);
    expect(first).toMatchObject({ build: newer.record.build, state: 'succeeded', version: '1.0' });
    expect(second).toMatchObject({ build: older.record.build, state: 'failed' });
    expect(first?.sizeBytes).toBe(before[0]?.sizeBytes);
    expect(second?.sizeBytes).toBeLessThan(before[1]?.sizeBytes ?? 0);
  });

  test('are found by name, its beginning, path, or as the latest', async () => {
    const one = await makeRecorded(output);
    const two = await makeRecorded(output, { appliance: 'other' });
    const found = async (given: string) => (await findBuild(output, given)).record.build;
    expect(await found('latest')).toBe(two.record.build);
    expect(await found(one.record.build)).toBe(one.record.build);
    expect(await found('tin')).toBe(one.record.build);
    expect(await found(one.path)).toBe(one.record.build);
  });

  test('that are not found are told with those that are there', async () => {
    await expect(findBuild(output, 'x')).rejects.toMatchObject({ code: 'no-builds' });
    const { record } = await makeRecorded(output);
    await expect(findBuild(output, '')).rejects.toMatchObject({ code: 'build-unknown' });
    const elsewhere = join('/elsewhere/builds', record.build);
    await expect(findBuild(output, elsewhere)).rejects.toMatchObject({ code: 'build-unknown' });
    await makeRecorded(output);
    const failure = (given: string) => findBuild(output, given).catch((thrown: unknown) => thrown);
    expect(await failure('tiny')).toMatchObject({ code: 'build-ambiguous' });
    expect(await failure('zzz')).toMatchObject({ code: 'build-unknown', details: await names() });
    const nearly = `${record.build.slice(0, -1)}x`;
    expect(await failure(nearly)).toMatchObject({ code: 'build-unknown', details: [] });
  });

  test('and verifications are listed together, but only builds can be looked at', async () => {
    const path = join(output, 'builds', 'tiny-1.0-verify-20260101-000000-abcd');
    await mkdir(path, { recursive: true });
    const end = await beginVerification(path, '/elsewhere/tiny-1.0.ova');
    expect(await keptBuilds(output)).toMatchObject([{ state: 'running', kind: 'verification' }]);
    await end('failed');
    const { record } = await makeRecorded(output, { began: '2020-01-01T00:00:00.000Z' });
    expect(await keptBuilds(output)).toMatchObject([
      { build: basename(path), state: 'failed', file: '/elsewhere/tiny-1.0.ova' },
      { build: record.build, kind: 'build' },
    ]);
    await expect(findBuild(output, basename(path))).rejects.toMatchObject({
      code: 'build-unknown',
      message: `${basename(path)} is a verification, and no build`,
      hint: `What it has found is in ${join(path, 'report.json')}.`,
    });
    expect((await findBuild(output, 'latest')).record.build).toBe(record.build);
  });

  test('are told of one by one', async () => {
    const failure = { code: 'script-failed', message: 'no', stage: 'construct', step: 'scripts' };
    const { record } = await makeRecorded(output, { outcome: 'failed', failure });
    const report = await buildReport(output, 'latest');
    expect(report).toMatchObject({ build: record.build, failure, stages: record.stages });
  });
});

describe('clean', () => {
  const clean = (options: Partial<Parameters<typeof cleanBuilds>[0]>) =>
    cleanBuilds(
      { outputFolder: output, builds: [], selection: 'named', action: 'remove', ...options },
      new AbortController().signal,
    );

  test('removes nothing that it was not told to', async () => {
    await makeRecorded(output);
    await expect(clean({})).rejects.toMatchObject({ code: 'nothing-selected' });
    await expect(clean({ builds: ['another'] })).rejects.toMatchObject({ code: 'build-unknown' });
    expect(await clean({ selection: 'all', action: 'tell' })).toMatchObject({ running: [] });
    expect(await names()).toHaveLength(1);
  });

  test('removes by name, by age and by size, the oldest first', async () => {
    const old = await makeRecorded(output, { began: '2020-01-01T00:00:00.000Z' });
    const one = await makeRecorded(output, { began: new Date(Date.now() - 1000).toISOString() });
    const two = await makeRecorded(output, { began: new Date().toISOString() });
    const removed = async (options: Parameters<typeof clean>[0]) =>
      (await clean(options)).removed.map(({ build }) => build);
    expect(await removed({ olderThanSeconds: 86_400 })).toEqual([old.record.build]);
    const [newest] = await keptBuilds(output);
    const room = newest?.sizeBytes ?? 0;
    expect(await removed({ downToBytes: room })).toEqual([one.record.build]);
    expect(await removed({ builds: ['tiny'] })).toEqual([two.record.build]);
    expect(await names()).toEqual([]);
  });

  test('removes verifications as it does builds, but is not told of one by "latest"', async () => {
    const began = '2020-01-01T00:00:00.000Z';
    const { record } = await makeRecorded(output, { began });
    const verification = async (name: string) => {
      const path = join(output, 'builds', name);
      await mkdir(path);
      return beginVerification(path, 'tiny-1.0.ova');
    };
    const running = 'tiny-1.0-verify-20260101-000000-0001';
    await verification(running);
    for (const name of ['other-verify-20260101-000000-0002', 'other-verify-20260101-000000-0003'])
      await (await verification(name))('succeeded');
    const removed = async (options: Parameters<typeof clean>[0]) =>
      (await clean(options)).removed.map(({ build }) => build);
    expect(await removed({ builds: ['other-verify-20260101-000000-0002'] })).toHaveLength(1);
    expect(await removed({ builds: ['latest'] })).toEqual([record.build]);
    await expect(clean({ builds: ['latest'] })).rejects.toMatchObject({ code: 'build-unknown' });
    expect(await removed({ selection: 'all' })).toEqual(['other-verify-20260101-000000-0003']);
    expect(await names()).toEqual([running]);
  });

  test('never removes one that runs', async () => {
    const owner = await thisProcess();
    const { record } = await makeRecorded(output, { outcome: undefined, owner });
    const report = await clean({ selection: 'all' });
    expect(report.removed).toEqual([]);
    expect(report.running.map(({ build }) => build)).toEqual([record.build]);
    expect(await names()).toEqual([record.build]);
  });
});
