/** `pvmc diff` as a user runs it. */
import { copyFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { temporaryFolder } from '../../appliance/testing/fixtures.ts';
import { makeTwoDisks } from '../../contents/testing/two-disks.ts';
import { diffAppliances } from '../../pipeline/diff.ts';
import { runCommandLine } from '../command-line.ts';
import { standIn } from '../testing/stand-in.ts';
import { FakeTerminal, surroundingsOf } from '../testing/terminal.ts';

let outer: Awaited<ReturnType<typeof temporaryFolder>>;
const inside = (name: string) => join(outer.path, name);
beforeAll(async () => {
  outer = await temporaryFolder();
  await makeTwoDisks(outer.path);
  await copyFile(inside('old/disk.raw'), inside('same.raw'));
  await writeFile(inside('cut.ova'), 'cut');
});
afterAll(() => outer[Symbol.asyncDispose]());

async function diff(...args: readonly string[]) {
  const stdout = new FakeTerminal({ isTTY: false });
  const stderr = new FakeTerminal({ isTTY: false });
  const surroundings = surroundingsOf(stdout, { stderr, workingFolder: outer.path });
  const { signal } = new AbortController();
  const interruption = { signal, tell: () => {}, abandon: () => {}, dispose: () => {} };
  const program = { ...standIn(), diffAppliances };
  const status = await runCommandLine(['diff', ...args], { program, surroundings, interruption });
  return { status, stdout: stdout.written, stderr: stderr.written };
}

it('says of the same files that they are', async () => {
  const { status, stdout } = await diff('old/disk.raw', 'same.raw');
  expect(stdout).toBe('✓ old/disk.raw -> same.raw\n  identical to the bit, 22 MiB\n');
  expect(status).toBe(0);
});

it('tells what differs, short first, and ends with status 1', async () => {
  const { status, stdout, stderr } = await diff('old/disk.raw', 'new/disk.raw');
  expect(stderr).toBe('');
  expect(status).toBe(1);
  const lines = stdout.split('\n');
  expect(lines[0]).toBe('old/disk.raw -> new/disk.raw');
  expect(lines[1]).toMatch(
    /^ {2}packages 3, other files 8, files of these packages 1, .*partitions 1/,
  );
  for (const line of [
    '  + fresh  0~1',
    '  - gone  3',
    '  ~ libgood  1.0 -> 1.1',
    '  ~ /etc/motd  content, 13 B as before',
    '  ~ /etc/hosts  mode 0644 -> 0600, owner 0:0 -> 12:0, extended attributes none -> user.a',
    '  ~ /etc/localtime  link to ../usr/share/zoneinfo/UTC -> ../usr/share/zoneinfo/Europe/Vienna',
    '  - /etc/old.conf  1 B',
    '  + /usr/bin  folder',
    '  ~ esp:/EFI/BOOT/BOOTX64.EFI  content, 8.8 KiB as before',
    '  ~ /usr/lib/libgood.so  content, 293 KiB as before',
    '  ~ disk identifier  11111111-1111-8111-8111-111111111111 -> 99999999-9999-8999-8999-999999999999',
  ]) {
    expect(lines).toContain(line);
  }
  // A name that would have painted the screen.
  expect(stdout).not.toContain('\u001b');
});

it('gives programs an object', async () => {
  const { stdout } = await diff('--json', 'old/disk.raw', 'new/disk.raw');
  const told = JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '');
  expect(told).toMatchObject({
    type: 'compared',
    identical: false,
    different: true,
    old: { path: inside('old/disk.raw'), kind: 'raw', diskBytes: 22 * 2 ** 20 },
    packages: expect.arrayContaining([{ name: 'libgood', old: '1.0', new: '1.1' }]),
  });
  expect(told.files).toContainEqual({
    volume: '',
    path: '/etc/localtime',
    change: 'changed',
    aspects: expect.arrayContaining(['target']),
    old: expect.objectContaining({ type: 'link', target: '../usr/share/zoneinfo/UTC' }),
    new: expect.objectContaining({ target: '../usr/share/zoneinfo/Europe/Vienna' }),
  });
});

it.each([
  [['old/disk.raw'], 2, 'needs NEW'],
  [['old/disk.raw', 'none.ova'], 9, 'there is no file'],
  [['old/disk.raw', 'cut.ova'], 9, 'ova-truncated'],
  [['old/disk.raw', 'cut.ova'], 9, 'cut.ova: the archive is cut off'],
  [['old/disk.raw', 'latest'], 2, 'there are no builds in'],
  [['old/disk.raw', 'old'], 9, 'is a folder, and not that of a build'],
])('of %j fails with status %d', async (args, expected, words) => {
  const { status, stderr } = await diff(...args);
  expect(stderr).toContain(words);
  expect(status).toBe(expected);
});
