import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { expectedSeconds, remember } from './history.ts';

let folder = '';

beforeEach(async () => {
  folder = join(await mkdtemp(join(tmpdir(), 'pvmc-pipeline-')), 'cache');
});

afterEach(async () => {
  await rm(join(folder, '..'), { recursive: true, force: true });
});

test('nothing is expected before the first run', async () => {
  expect(await expectedSeconds(folder, 'hello 2')).toEqual({});
});

test('the first run is expected again, the next one moves it half the way', async () => {
  await remember(folder, 'hello 2', { media: 10, boot: 60 });
  expect(await expectedSeconds(folder, 'hello 2')).toEqual({ media: 10, boot: 60 });
  await remember(folder, 'hello 2', { media: 20, construct: 300 });
  expect(await expectedSeconds(folder, 'hello 2')).toEqual({
    media: 15,
    boot: 60,
    construct: 300,
  });
});

test('other builds have other times', async () => {
  await remember(folder, 'hello 2', { media: 10 });
  await remember(folder, 'web 3', { media: 90 });
  expect(await expectedSeconds(folder, 'hello 2')).toEqual({ media: 10 });
  expect(await expectedSeconds(folder, 'web 3')).toEqual({ media: 90 });
});

test.each(['', 'no JSON', '[]', '{"hello 2": {"media": -1}}', '{"hello 2": {"media": "long"}}'])(
  'a file that holds %j is no reason to stop, and is written anew',
  async (text) => {
    await remember(folder, 'hello 2', { media: 1 });
    await writeFile(join(folder, 'stage-seconds.json'), text);
    expect(await expectedSeconds(folder, 'hello 2')).toEqual({});
    await remember(folder, 'hello 2', { media: 7 });
    expect(await expectedSeconds(folder, 'hello 2')).toEqual({ media: 7 });
  },
);

test('only the latest 200 are kept, and no half-written file', async () => {
  for (let build = 0; build < 202; build += 1)
    await remember(folder, `b${build}`, { media: build });
  await remember(folder, 'b2', { media: 2 });
  await remember(folder, 'new', { media: 1 });
  expect(await readdir(folder)).toEqual(['stage-seconds.json']);
  const kept = Object.keys(JSON.parse(await readFile(join(folder, 'stage-seconds.json'), 'utf8')));
  expect(kept).toHaveLength(200);
  expect(kept.slice(0, 1)).toEqual(['b4']);
  expect(kept.slice(-3)).toEqual(['b201', 'b2', 'new']);
});
