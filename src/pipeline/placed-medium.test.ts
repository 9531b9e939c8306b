import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { sha256Of } from '../system/sha256.ts';
import { mediumName, placeMedium } from './placed-medium.ts';
import { makeOutputFolder } from './recorded-build.test-support.ts';

const run = promisify(execFile);
const NAME = mediumName({ name: 'tiny', version: '1.0' });

let output = '';

beforeEach(async () => {
  output = await makeOutputFolder();
  await mkdir(join(output, 'builds'));
});

afterEach(() => rm(output, { recursive: true }));

/** Places a medium with this content. */
async function placed(content: string): Promise<void> {
  const path = join(output, 'builds', 'medium.iso');
  await writeFile(`${path}.new`, content);
  await rm(path, { force: true });
  await run('mv', [`${path}.new`, path]);
  const sha256 = await sha256Of(path, AbortSignal.timeout(60_000));
  await placeMedium(path, { folder: output, name: NAME }, sha256);
}

const check = () => run('sha256sum', ['-c', '--strict', `${NAME}.sha256`], { cwd: output });

test('a medium has its checksum beside it, and so has the next one', async () => {
  await placed('one');
  expect((await check()).stdout).toBe('tiny-1.0.iso: OK\n');
  await placed('another one');
  expect((await check()).stdout).toBe('tiny-1.0.iso: OK\n');
  expect(await readdir(join(output, 'builds'))).toEqual(['medium.iso']);
});

test('the checksum of the same medium is not written again', async () => {
  await placed('one');
  const before = await stat(join(output, `${NAME}.sha256`));
  await placed('one');
  expect((await stat(join(output, `${NAME}.sha256`))).ino).toBe(before.ino);
});

test('a checksum that somebody else has put there stays as it is', async () => {
  await writeFile(join(output, `${NAME}.sha256`), 'precious');
  await expect(placed('one')).rejects.toMatchObject({ code: 'output-exists' });
  expect(await readFile(join(output, `${NAME}.sha256`), 'utf8')).toBe('precious');
  expect(await readdir(join(output, 'builds'))).toEqual(['medium.iso']);
});
