import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { removeAbandoned } from './abandoned.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pvmc-abandoned-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** Above what Linux gives. */
const NOBODY = 99_999_999;

test('what an ended process has left goes; a running one’s and other names stay', async () => {
  const files = [`a+b.${process.pid}-x`, `a+b.${NOBODY}-xy`, `a+b.notes-x`, `b.${NOBODY}-x`];
  for (const name of [...files, `a+b.${NOBODY}-x`]) await writeFile(join(folder, name), '');
  await mkdir(join(folder, `a+b.${NOBODY - 1}-x/inside`), { recursive: true });
  await removeAbandoned(folder, 'a+b.', /^(\d+)-x$/);
  expect((await readdir(folder)).sort()).toEqual(files.sort());
});

test('a folder that is not there has nothing to remove', async () => {
  await removeAbandoned('/no/such/folder', 'a', /^(\d+)$/);
});
