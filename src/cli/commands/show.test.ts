/** `pvmc show` as a user runs it. */
import { copyFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { makeTwoDisks } from '../../contents/testing/two-disks.ts';
import { showBuild } from '../../pipeline/build-space.ts';
import { outputOf } from '../../pipeline/outputs.ts';
import { type BuildRecord, writeRecord } from '../../pipeline/record.ts';
import { makeOutputFolder, makeRecorded } from '../../pipeline/recorded-build.test-support.ts';
import { runCommandLine } from '../command-line.ts';
import { standIn } from '../testing/stand-in.ts';
import { FakeTerminal, surroundingsOf } from '../testing/terminal.ts';

let output = '';
beforeAll(async () => {
  output = await makeOutputFolder();
  await makeTwoDisks(output);
});
afterAll(() => rm(output, { recursive: true }));

async function show(...args: readonly string[]) {
  const stdout = new FakeTerminal({ isTTY: false });
  const stderr = new FakeTerminal({ isTTY: false });
  const surroundings = surroundingsOf(stdout, { stderr, workingFolder: output });
  const { signal } = new AbortController();
  const interruption = { signal, tell: () => {}, abandon: () => {}, dispose: () => {} };
  const program = { ...standIn(), showBuild };
  const argv = ['show', '--output', output, ...args];
  const status = await runCommandLine(argv, { program, surroundings, interruption });
  return { status, stdout: stdout.written, stderr: stderr.written };
}

/** A build whose disk is a real one, and that has exported nothing. */
async function buildWithDisk(change: Partial<BuildRecord> = {}): Promise<void> {
  const { path, record } = await makeRecorded(output, change);
  await copyFile(join(output, 'new', 'disk.raw'), join(path, 'disk.raw'));
  const disk = await outputOf(path, join(path, 'disk.raw'));
  const construct = { key: 'construct', seconds: 1, result: 'done', disk };
  await writeRecord(path, { ...record, stages: { construct } });
}

it('tells what takes the space on the disk that is kept', async () => {
  await buildWithDisk();
  const { status, stdout, stderr } = await show();
  expect(stderr).toBe('');
  expect(status).toBe(0);
  expect(stdout).toMatch(/files of \d+ KiB; [\d.]+ KiB of no package/);
  expect(stdout).toMatch(/largest packages\n +\d+ KiB {2}libgood\n/);
  expect(stdout).toMatch(/largest folders\n +\d+ KiB {2}\/usr\/lib\n/);
});

it('gives the same to a program', async () => {
  await buildWithDisk();
  const { stdout } = await show('--json');
  const [last] = stdout.trim().split('\n').slice(-1);
  const { space } = JSON.parse(last ?? '') as { space: Record<string, unknown> };
  expect(space['packages']).toEqual([{ name: 'libgood', bytes: expect.any(Number) }]);
});

it('goes on where the appliance cannot be read, and says why', async () => {
  // Its files are no disks and no archives.
  await makeRecorded(output);
  const { status, stdout, stderr } = await show();
  expect(status).toBe(0);
  expect(stdout).not.toContain('largest');
  expect(stdout + stderr).toContain('What takes the space cannot be told');
});

it('says nothing of it where nothing is kept', async () => {
  await makeRecorded(output, { stages: {} });
  const { status, stdout } = await show();
  expect(status).toBe(0);
  expect(stdout).not.toContain('largest');
});
