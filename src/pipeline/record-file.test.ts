import { mkdir, readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../appliance/testing/fixtures.ts';
import { writeRecordFile } from './record-file.ts';
import { beginVerification, readVerification } from './verification-record.ts';

test('a record replaces the one before, and is for nobody else to read', async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, 'build.json');
  await writeRecordFile(path, { version: 1 });
  await writeRecordFile(path, { version: 2 });
  expect(JSON.parse(await readFile(path, 'utf8'))).toEqual({ version: 2 });
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  expect(await readdir(folder.path)).toEqual(['build.json']);
});

test('a record that cannot be written leaves the one before as it was', async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, 'build.json');
  await writeRecordFile(path, { version: 1 });
  await mkdir(`${path}.new`);
  await expect(writeRecordFile(path, { version: 2 })).rejects.toThrow('EISDIR');
  expect(JSON.parse(await readFile(path, 'utf8'))).toEqual({ version: 1 });
});

test('a verification is recorded when it begins and when it ends', async () => {
  await using folder = await temporaryFolder();
  const end = await beginVerification(folder.path, '/somewhere/tiny-1.0.ova');
  expect(await readVerification(folder.path)).toMatchObject({ file: '/somewhere/tiny-1.0.ova' });
  await end('succeeded');
  expect(await readVerification(folder.path)).toMatchObject({ outcome: 'succeeded' });
  const { mode } = await stat(join(folder.path, 'verification.json'));
  expect(mode & 0o777).toBe(0o600);
});
