import { readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { expectOurs, place } from './placed-files.ts';
import { makeOutputFolder } from './recorded-build.test-support.ts';

let output = '';

beforeEach(async () => {
  output = await makeOutputFolder();
  await writeFile(join(output, 'first'), 'first');
  await writeFile(join(output, 'second'), 'the second one');
});

afterEach(() => rm(output, { recursive: true }));

const file = () => join(output, 'tiny-1.0.ova');
const refused = { kind: 'host', code: 'output-exists' };

test('a build’s file gives way to that of another build', async () => {
  await expectOurs(file());
  await place(join(output, 'first'), file());
  await place(join(output, 'first'), file());
  await place(join(output, 'second'), file());
  expect(await readFile(file(), 'utf8')).toBe('the second one');
});

test('a file that no build has put there stays as it is', async () => {
  await writeFile(file(), 'precious');
  await expect(expectOurs(file())).rejects.toMatchObject(refused);
  await expect(place(join(output, 'first'), file())).rejects.toMatchObject(refused);
  expect(await readFile(file(), 'utf8')).toBe('precious');
});

test('so does one that was changed since, and one whose memory is lost', async () => {
  await place(join(output, 'first'), file());
  await rm(file());
  await writeFile(file(), 'changed by its user');
  await expect(place(join(output, 'second'), file())).rejects.toMatchObject(refused);
  await rm(file());
  await place(join(output, 'first'), file());
  await writeFile(join(output, '.pvmc-files.json'), '{');
  await expect(place(join(output, 'second'), file())).rejects.toMatchObject(refused);
  // The same file once more is no other one.
  await place(join(output, 'first'), file());
});

test('a link of the user, even one that leads nowhere, stays', async () => {
  await symlink('nowhere', file());
  await expect(expectOurs(file())).rejects.toMatchObject(refused);
});

test('several builds at once take turns', async () => {
  const names = ['first', 'second', 'first', 'second'];
  await Promise.all(names.map((name) => place(join(output, name), file())));
  await expectOurs(file());
});
