import { readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { PartialFile } from './partial-file.ts';
import { codeOf, temporaryFolder } from './testing/fixtures.ts';

let temporary: Awaited<ReturnType<typeof temporaryFolder>>;
let path: string;
beforeEach(async () => {
  temporary = await temporaryFolder();
  path = join(temporary.path, 'x.ova');
});
afterEach(() => temporary[Symbol.asyncDispose]());

it('gets its name when it is finished, and is gone when it is not', async () => {
  {
    await using partial = new PartialFile(path);
    await partial.write((file) => file.writeFile('half'));
  }
  expect(await readdir(temporary.path)).toEqual([]);
  await using partial = new PartialFile(path);
  await partial.write((file) => file.writeFile('whole'));
  await partial.finish();
  expect(await readFile(path, 'utf8')).toBe('whole');
  expect(await readdir(temporary.path)).toEqual(['x.ova']);
});

it('touches no file of somebody else', async () => {
  await writeFile(`${path}.partial`, 'mine');
  await writeFile(join(temporary.path, 'target'), 'mine too');
  await symlink('target', `${path}.1-partial`);
  const before = await readdir(temporary.path);
  {
    await using partial = new PartialFile(path);
    expect(before).not.toContain(partial.path);
  }
  {
    await using partial = new PartialFile(path);
    await partial.write((file) => file.writeFile('half'));
  }
  expect(await readdir(temporary.path)).toEqual(before);
  expect(await readFile(`${path}.partial`, 'utf8')).toBe('mine');
  expect(await readFile(join(temporary.path, 'target'), 'utf8')).toBe('mine too');
});

it('is never made where something is, and never removes that', async () => {
  await using partial = new PartialFile(path);
  await writeFile(partial.path, 'mine');
  expect(await codeOf(partial.write(() => Promise.resolve()))).toBe('output-not-writable');
  await partial[Symbol.asyncDispose]();
  expect(await readFile(partial.path, 'utf8')).toBe('mine');
});

it.each([
  ['no/such/x.ova', 'there is no folder '],
  ['file/x.ova', ' is no folder'],
])('says in words why it cannot be made: %s', async (name, words) => {
  await writeFile(join(temporary.path, 'file'), '');
  await using partial = new PartialFile(join(temporary.path, name));
  const writing = partial.write(() => Promise.resolve());
  await expect(writing).rejects.toThrow(new RegExp(`x\\.ova cannot be written: .*${words}`));
});

it('removes what a killed process has left of the same file, and no other', async () => {
  // No process has such a number.
  const left = ['x.ova.99999999-0123abcd.partial', 'y.ova.99999999-0123abcd.partial'];
  const running = `x.ova.${process.pid}-0123abcd.partial`;
  for (const name of [...left, running]) await writeFile(join(temporary.path, name), '');
  await using partial = new PartialFile(path);
  await partial.write(() => Promise.resolve());
  await partial.finish();
  expect((await readdir(temporary.path)).sort()).toEqual(['x.ova', running, left[1]]);
});

it('takes the place of what came meanwhile, or leaves that alone', async () => {
  await using partial = new PartialFile(path, 0o600);
  await partial.write((file) => file.writeFile('ours'));
  await writeFile(path, 'theirs');
  expect(await codeOf(partial.finish('kept'))).toBe('output-exists');
  expect(await readFile(path, 'utf8')).toBe('theirs');
  await partial.finish('replaced');
  expect(await readFile(path, 'utf8')).toBe('ours');
  expect((await stat(path)).mode & 0o777).toBe(0o600);
});
