import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ConstructionRecord, readState } from './record.ts';
import { temporaryFolder } from './testing/temporary-folder.ts';

const IDENTITY = { appliance: 'hello 1.0', installKey: 'abc', code: 'def' };

async function recording() {
  const folder = await temporaryFolder();
  const memory = join(folder.path, 'memory');
  await mkdir(memory);
  const record = new ConstructionRecord(memory);
  record.identify(IDENTITY);
  return {
    record,
    memory,
    disk: join(folder.path, 'disk'),
    log: (where: string) => readFile(join(where, 'constructor.log'), 'utf8'),
    steps: (where: string) => readState(where)?.steps.map(({ name, state }) => `${name} ${state}`),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

test('log and state are in memory, and on the disk as soon as there is one', async () => {
  await using it = await recording();
  it.record.log('before');
  await it.record.begin('scratch');
  await it.record.keepOnDisk(it.disk);
  it.record.log('after');
  await it.record.finish('scratch', 2.5);
  await it.record.begin('fetch');
  await it.record.fail('fetch', { code: 'package-gone', message: 'gone' });
  await it.record.leaveDisk();
  it.record.log('in memory only');
  expect(await it.log(it.disk)).toBe('before\nafter\n');
  expect(await it.log(it.memory)).toBe('before\nafter\nin memory only\n');
  for (const where of [it.memory, it.disk]) {
    expect(readState(where)).toMatchObject({
      ...IDENTITY,
      steps: [
        { name: 'scratch', state: 'done', seconds: 2.5 },
        { name: 'fetch', state: 'failed', error: { code: 'package-gone', message: 'gone' } },
      ],
    });
  }
  await it.record.close();
});

test('a step that is done again leaves the later ones to be done again', async () => {
  await using it = await recording();
  const steps = ['install', 'configure', 'users', 'scripts'];
  for (const name of steps) {
    await it.record.begin(name);
    await it.record.finish(name, 1);
  }
  await it.record.begin('users');
  expect(it.steps(it.memory)).toEqual(['install done', 'configure done', 'users running']);
});

test('what an earlier construction has done on the disk is taken over behind what is new', async () => {
  await using it = await recording();
  await it.record.begin('find-disk');
  await it.record.finish('find-disk', 1);
  it.record.takeOver([
    { name: 'find-disk', state: 'running', began: 'then' },
    { name: 'install', state: 'done', began: 'then', seconds: 3 },
  ]);
  await it.record.keepOnDisk(it.disk);
  expect(it.steps(it.disk)).toEqual(['find-disk done', 'install done']);
  await it.record.close();
});

test('nothing is written to the disk while it stands still, and nothing is lost', async () => {
  await using it = await recording();
  await it.record.keepOnDisk(it.disk);
  it.record.log('one');
  await it.record.pause();
  it.record.log('two');
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(await it.log(it.disk)).toBe('one\n');
  it.record.goOn();
  await it.record.leaveDisk();
  expect(await it.log(it.disk)).toBe('one\ntwo\n');
});

test('a disk that takes no state is not left with an older one', async () => {
  await using it = await recording();
  await it.record.keepOnDisk(it.disk);
  expect(readState(it.disk)).toBeDefined();
  // A folder in the way of the new file stands for a full disk.
  await mkdir(join(it.disk, 'state.json.new'));
  await it.record.begin('configure');
  expect(readState(it.disk)).toBeUndefined();
  await it.record.close();
});

test('without a place to write, everything goes on', async () => {
  await using folder = await temporaryFolder();
  const record = new ConstructionRecord(join(folder.path, 'missing'));
  record.log('to nobody');
  await record.begin('find-disk');
  await record.close();
});

test.each([
  ['cut off', '{"version": 1, "steps"'],
  ['of another release', '{"version": 99, "steps": []}'],
  ['nothing', 'null'],
])('a state that is %s is none', async (_what, text) => {
  await using folder = await temporaryFolder();
  await writeFile(join(folder.path, 'state.json'), text);
  expect(readState(folder.path)).toBeUndefined();
  await rm(join(folder.path, 'state.json'));
  expect(readState(folder.path)).toBeUndefined();
});
