import { mkdir, mkdtemp, readdir, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ResolvedBefore } from './resolved-before.ts';

const ONE = {
  name: 'hello',
  version: '2.10-5',
  architecture: 'amd64',
  url: 'http://deb.example.org/hello.deb',
  sizeBytes: 1,
  sha256: 'ab',
  installedBytes: 2,
  batch: 1,
};

let folder = '';

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pvmc-resolved-'));
  await mkdir(join(folder, 'lists'));
  await writeFile(join(folder, 'lists/trixie_InRelease'), 'signed on Monday');
});

afterEach(() => rm(folder, { recursive: true }));

const ask = (question: unknown) => ResolvedBefore.of({ folder, configuration: '' }, question);

test('the same question to the same indexes has the same answer', async () => {
  expect(await (await ask(['hello'])).read()).toBeUndefined();
  await (await ask(['hello'])).keep([ONE]);
  expect(await (await ask(['hello'])).read()).toEqual([ONE]);
  expect(await (await ask(['hello', 'nginx'])).read()).toBeUndefined();
});

test('other indexes are asked again, and the answers of older ones go', async () => {
  await (await ask(['hello'])).keep([ONE]);
  await writeFile(join(folder, 'lists/trixie_InRelease'), 'signed on Tuesday');
  const later = await ask(['hello']);
  expect(await later.read()).toBeUndefined();
  await later.keep([{ ...ONE, version: '2.10-6' }]);
  expect(await readdir(join(folder, 'resolved'))).toHaveLength(1);
});

test('an answer that was cut short is none', async () => {
  const asked = await ask(['hello']);
  await asked.keep([ONE]);
  const [indexes = ''] = await readdir(join(folder, 'resolved'));
  const [name = ''] = await readdir(join(folder, 'resolved', indexes));
  await truncate(join(folder, 'resolved', indexes, name), 20);
  expect(await asked.read()).toBeUndefined();
});
