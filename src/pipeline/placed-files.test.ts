import { readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
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
const there = (name = 'tiny-1.0.ova') => ({ folder: output, name });
const refused = { kind: 'host', code: 'output-exists' };

test('a build’s file gives way to that of another build', async () => {
  await expectOurs(there());
  await place(join(output, 'first'), there());
  await place(join(output, 'first'), there());
  await place(join(output, 'second'), there());
  expect(await readFile(file(), 'utf8')).toBe('the second one');
});

test('a file that no build has put there stays as it is', async () => {
  await writeFile(file(), 'precious');
  await expect(expectOurs(there())).rejects.toMatchObject(refused);
  await expect(place(join(output, 'first'), there())).rejects.toMatchObject(refused);
  expect(await readFile(file(), 'utf8')).toBe('precious');
});

test('so does one that was changed since, and one whose memory is lost', async () => {
  await place(join(output, 'first'), there());
  await rm(file());
  await writeFile(file(), 'changed by its user');
  await expect(place(join(output, 'second'), there())).rejects.toMatchObject(refused);
  await rm(file());
  await place(join(output, 'first'), there());
  await writeFile(join(output, '.pvmc-files.json'), '{');
  await expect(place(join(output, 'second'), there())).rejects.toMatchObject(refused);
  // The same file once more is no other one.
  await place(join(output, 'first'), there());
});

test('a link of the user, even one that leads nowhere, stays', async () => {
  await symlink('nowhere', file());
  await expect(expectOurs(there())).rejects.toMatchObject(refused);
});

test('several builds at once take turns', async () => {
  const names = ['first', 'second', 'first', 'second'];
  await Promise.all(names.map((name) => place(join(output, name), there())));
  await expectOurs(there());
});

test('a file in a folder is known by both names, and the folder has nothing else', async () => {
  const name = 'tiny-1.0-ovf/tiny-1.0.ovf';
  await place(join(output, 'first'), there(name));
  await place(join(output, 'second'), there(name));
  expect(await readdir(join(output, 'tiny-1.0-ovf'))).toEqual(['tiny-1.0.ovf']);
  await rm(join(output, name));
  await writeFile(join(output, name), 'changed by its user');
  await expect(place(join(output, 'first'), there(name))).rejects.toMatchObject(refused);
});

test('what has the name of the folder stays', async () => {
  const name = 'tiny-1.0-ovf/tiny-1.0.ovf';
  await writeFile(join(output, 'tiny-1.0-ovf'), 'precious');
  await expect(expectOurs(there(name))).rejects.toMatchObject(refused);
  await expect(place(join(output, 'first'), there(name))).rejects.toMatchObject(refused);
});
