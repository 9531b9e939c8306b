import {
  appendFile,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { isIntact, isShared, outputOf, share } from './outputs.ts';

let folder = '';

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pvmc-outputs-'));
});

afterEach(() => rm(folder, { recursive: true }));

const path = (name: string) => join(folder, name);

test('a file is intact until it is written to, or gone', async () => {
  await writeFile(path('disk'), 'bytes');
  const output = await outputOf(folder, path('disk'));
  expect(output).toMatchObject({ path: 'disk', sizeBytes: 5 });
  expect(await isIntact(folder, output)).toBe(true);
  await appendFile(path('disk'), 'more');
  expect(await isIntact(folder, output)).toBe(false);
  await rm(path('disk'));
  expect(await isIntact(folder, output)).toBe(false);
});

test('a shared file has two names, and takes the place of what had the second', async () => {
  await writeFile(path('disk'), 'new');
  await writeFile(path('other'), 'an earlier one');
  expect(await isShared(path('disk'), path('other'))).toBe(false);
  await share(path('disk'), path('other'));
  expect(await readFile(path('other'), 'utf8')).toBe('new');
  expect((await stat(path('disk'))).nlink).toBe(2);
  expect(await isShared(path('disk'), path('other'))).toBe(true);
  // Once more, which changes nothing.
  await share(path('disk'), path('other'));
  expect((await readdir(folder)).sort()).toEqual(['disk', 'other']);
});

test('small files of the same size and second are one only if they say the same', async () => {
  for (const [name, text] of [
    ['one', 'a'],
    ['copy', 'a'],
    ['other', 'b'],
  ] as const) {
    await writeFile(path(name), text);
    await utimes(path(name), 1e9, 1e9);
  }
  expect(await isShared(path('one'), path('copy'))).toBe(true);
  expect(await isShared(path('one'), path('other'))).toBe(false);
  expect(await isShared(path('one'), folder)).toBe(false);
});

test('a file on another file system is copied, and counts as the same', async () => {
  const elsewhere = await mkdtemp('/dev/shm/pvmc-outputs-');
  try {
    await writeFile(path('disk'), 'bytes');
    await share(path('disk'), join(elsewhere, 'sub/disk'));
    expect(await readFile(join(elsewhere, 'sub/disk'), 'utf8')).toBe('bytes');
    expect(await isShared(path('disk'), join(elsewhere, 'sub/disk'))).toBe(true);
    const output = await outputOf(folder, path('disk'));
    expect(await isIntact(join(elsewhere, 'sub'), output)).toBe(true);
  } finally {
    await rm(elsewhere, { recursive: true });
  }
});
