import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readSmallFile } from './small-file.ts';

let folder = '';

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pvmc-small-'));
});

afterEach(() => rm(folder, { recursive: true }));

test('a file is read up to its limit, and so is a pipe', async () => {
  const path = join(folder, 'key');
  await writeFile(path, 'secret');
  expect((await readSmallFile(path, 6)).toString()).toBe('secret');
  await expect(readSmallFile(path, 5)).rejects.toThrow('it has more than 5 B');
  const pipe = join(folder, 'pipe');
  await promisify(execFile)('mkfifo', [pipe]);
  const [bytes] = await Promise.all([readSmallFile(pipe, 6), writeFile(pipe, 'secret')]);
  expect(bytes.toString()).toBe('secret');
});

test('a device without an end is not read for ever', async () => {
  await expect(readSmallFile('/dev/zero', 2 ** 20)).rejects.toThrow('it has more than 1 MiB');
});

test('what is no file is told in words', async () => {
  await expect(readSmallFile(folder, 9)).rejects.toThrow(/^it is a folder$/);
  await expect(readSmallFile(join(folder, 'no'), 9)).rejects.toThrow(/^there is no such file$/);
});
