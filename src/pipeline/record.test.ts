import { readFile, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Journal } from './journal.ts';
import { readRecord, stateOf, thisProcess } from './record.ts';
import { GONE, makeOutputFolder, makeRecorded } from './recorded-build.test-support.ts';

let output = '';

beforeEach(async () => {
  output = await makeOutputFolder();
});

afterEach(() => rm(output, { recursive: true }));

test('a record is read as it was written, and is for nobody else to read', async () => {
  const { path, record } = await makeRecorded(output);
  expect(await readRecord(path)).toEqual(record);
});

describe('what is no record of the folder that it lies in is none:', () => {
  test.each([
    ['no file', (path: string) => rm(path)],
    ['a file that was cut short', (path: string) => truncate(path, 100)],
    ['another version', (path: string) => replace(path, '"version": 1', '"version": 2')],
    ['a file outside', (path: string) => replace(path, '"disk.raw"', '"../../../etc/passwd"')],
    ['something else', (path: string) => writeFile(path, '[]')],
  ])('%s', async (_what, spoil) => {
    const { path } = await makeRecorded(output);
    await spoil(join(path, 'build.json'));
    expect(await readRecord(path)).toBeUndefined();
  });

  test('that of another folder, renamed or copied', async () => {
    const { path } = await makeRecorded(output);
    await rename(path, `${path}-old`);
    expect(await readRecord(`${path}-old`)).toBeUndefined();
    expect(await readRecord(join(output, 'nowhere'))).toBeUndefined();
  });
});

test('a build without an outcome runs as long as its process does', async () => {
  const { record } = await makeRecorded(output, { outcome: undefined });
  const owner = await thisProcess();
  expect(await stateOf({ ...record, owner })).toBe('running');
  expect(await stateOf({ ...record, owner: GONE })).toBe('interrupted');
  // Another process that has got the same id.
  expect(await stateOf({ ...record, owner: { ...owner, startTime: '1' } })).toBe('interrupted');
  expect(await stateOf({ ...record, outcome: 'failed', owner })).toBe('failed');
});

describe('a journal', () => {
  test('writes down each thing at once, and who runs the build', async () => {
    const { path, record: before } = await makeRecorded(output);
    const { version: _v, owner: _o, began: _b, stages, outcome: _u, ...begin } = before;
    const journal = await Journal.begin(path, { ...begin, stages: {}, checkpoint: undefined });
    expect(await readRecord(path)).toMatchObject({ stages: {}, owner: await thisProcess() });
    await journal.finishStage('verify', { key: 'v', seconds: 2, result: 'good' });
    expect((await readRecord(path))?.stages).toEqual({
      verify: { key: 'v', seconds: 2, result: 'good' },
    });
    await journal.forgetStage('verify');
    expect((await readRecord(path))?.stages).toEqual({});
    await journal.keepCheckpoint(before.checkpoint);
    await journal.end('failed', { code: 'x', message: 'y', stage: 'boot' });
    const after = await readRecord(path);
    expect(after).toMatchObject({ outcome: 'failed', checkpoint: before.checkpoint });
    expect(after?.failure).toEqual({ code: 'x', message: 'y', stage: 'boot' });
    expect(stages.media).toBeDefined();
  });

  test('writes one thing after the other, whoever comes at the same time', async () => {
    const { path, record: before } = await makeRecorded(output);
    const { version: _v, owner: _o, began: _b, outcome: _u, ...begin } = before;
    const journal = await Journal.begin(path, { ...begin, stages: {} });
    await Promise.all([
      journal.keepCheckpoint(before.checkpoint),
      journal.finishStage('verify', { key: 'v', seconds: 2, result: 'good' }),
      journal.end('failed'),
    ]);
    expect(await readRecord(path)).toMatchObject({
      outcome: 'failed',
      checkpoint: before.checkpoint,
      stages: { verify: { key: 'v' } },
    });
  });

  test('of a build that is taken up again knows what was finished', async () => {
    const { path, record: before } = await makeRecorded(output, { outcome: 'failed' });
    const { version: _v, owner: _o, began: _b, stages, outcome: _u, ...begin } = before;
    const journal = await Journal.begin(path, { ...begin, stages });
    expect(journal.record.stages).toEqual(stages);
    expect(journal.record.checkpoint).toEqual(before.checkpoint);
    expect(await stateOf(journal.record)).toBe('running');
  });
});

async function replace(path: string, from: string, to: string): Promise<void> {
  await writeFile(path, (await readFile(path, 'utf8')).replace(from, to));
}
