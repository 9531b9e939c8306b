import { appendFile, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { recordedBuilds, takeCheckpoint, takeStage } from './earlier-builds.ts';
import { makeOutputFolder, makeRecorded } from './recorded-build.test-support.ts';

let output = '';
let folder = '';

beforeEach(async () => {
  output = await makeOutputFolder();
  folder = join(output, 'builds', 'new');
  await mkdir(folder, { recursive: true });
});

afterEach(() => rm(output, { recursive: true }));

test('the builds of a folder are those with a record, the newest first', async () => {
  const first = await makeRecorded(output);
  const second = await makeRecorded(output);
  await mkdir(join(output, 'builds', 'somebody-elses'));
  await writeFile(join(output, 'builds', 'a file'), '');
  const builds = await recordedBuilds(output);
  expect(builds.map(({ path }) => path)).toEqual([second.path, first.path]);
  expect(await recordedBuilds(join(output, 'nowhere'))).toEqual([]);
});

describe('a stage', () => {
  const take = async (stage: 'construct' | 'export', key: string = stage) =>
    takeStage(await recordedBuilds(output), { stage, key, folder });

  test('with the same key is taken from the newest build, with its files', async () => {
    await makeRecorded(output);
    const { record } = await makeRecorded(output);
    const taken = await take('export');
    expect(taken).toEqual({ build: record.build, finished: record.stages.export });
    const file = join(folder, 'export/tiny-1.0.ova');
    expect(await readFile(file, 'utf8')).toBe(`export/tiny-1.0.ova of ${record.build}`);
  });

  test('with another key is not', async () => {
    await makeRecorded(output);
    expect(await take('construct', 'another')).toBeUndefined();
    expect(await readdir(folder)).toEqual([]);
  });

  test('whose file was changed or removed is taken from an older build that has it whole', async () => {
    const oldest = await makeRecorded(output);
    const changed = await makeRecorded(output);
    const removed = await makeRecorded(output);
    await appendFile(join(changed.path, 'disk.raw'), '!');
    await rm(join(removed.path, 'disk.raw'));
    expect((await take('construct'))?.build).toBe(oldest.record.build);
  });
});

test('a checkpoint is taken like a stage', async () => {
  const { record } = await makeRecorded(output, { outcome: 'failed' });
  const builds = await recordedBuilds(output);
  const taken = await takeCheckpoint(builds, { key: 'install', folder });
  expect(taken?.build).toBe(record.build);
  expect(await readdir(folder)).toEqual(['checkpoint.raw']);
  expect(await takeCheckpoint(builds, { key: 'another', folder })).toBeUndefined();
});
