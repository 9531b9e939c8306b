import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { beginBuild } from './begin-build.ts';
import { closeBuildFolder } from './build-folder.ts';
import type { BuildOptions } from './build-options.ts';
import type { StageName } from './events.ts';
import { readAppliance } from './prepare.ts';
import { readRecord, stateOf, thisProcess } from './record.ts';
import { makeOutputFolder, makeRecorded } from './recorded-build.test-support.ts';
import { StageOrder } from './stage-order.ts';

let output = '';
let manifestPath = '';

beforeEach(async () => {
  output = await makeOutputFolder();
  manifestPath = join(output, 'source', 'appliance.yaml');
  await mkdir(join(output, 'source'));
  await writeFile(manifestPath, 'name: tiny\nversion: "1.0"\n');
});

afterEach(() => rm(output, { recursive: true }));

async function begin(reuse: BuildOptions['reuse'] = 'same', from?: StageName) {
  const options: BuildOptions = {
    manifestPath,
    outputFolder: output,
    hypervisor: 'qemu',
    verify: true,
    keep: 'latest',
    timeouts: {},
    reuse,
    from,
  };
  const { signal } = new AbortController();
  const appliance = await readAppliance(manifestPath);
  const order = new StageOrder(options);
  const begun = await beginBuild(options, { appliance, order }, signal);
  await closeBuildFolder(begun.folder);
  return begun;
}

test('a build gets a folder and a record of its own, and knows the earlier ones', async () => {
  const { record: before } = await makeRecorded(output);
  const { folder, earlier } = await begin();
  expect(earlier.map(({ record }) => record.build)).toEqual([before.build]);
  const record = await readRecord(folder.path);
  expect(record).toMatchObject({ build: folder.name, appliance: 'tiny', manifestPath, stages: {} });
  expect(record && (await stateOf(record))).toBe('running');
});

describe('--resume', () => {
  test('goes on in the last build’s folder, with what it had finished', async () => {
    await makeRecorded(output);
    const killed = await makeRecorded(output, { outcome: undefined });
    const { folder, journal, earlier } = await begin('resume');
    expect(folder.path).toBe(killed.path);
    expect(journal.record.stages).toEqual(killed.record.stages);
    expect(journal.record.owner).toEqual(await thisProcess());
    expect(earlier).toHaveLength(1);
    expect(await readFile(join(folder.path, 'appliance.yaml'), 'utf8')).toContain('name: tiny');
  });

  test('remembers from where everything was to be done again, and does so from a stage that is named', async () => {
    const options = { outcome: 'interrupted', redoFrom: 'media' } as const;
    const { record } = await makeRecorded(output, options);
    const { journal } = await begin('resume');
    expect(journal.record).toMatchObject({ redoFrom: 'media', stages: record.stages });
    await journal.end('interrupted');
    const again = await begin('resume', 'export');
    const { media, construct } = record.stages;
    expect(again.journal.record).toMatchObject({
      redoFrom: 'export',
      stages: { media, construct },
      checkpoint: record.checkpoint,
    });
    expect(Object.keys(again.journal.record.stages)).toEqual(['media', 'construct']);
    await again.journal.end('interrupted');
    const more = await begin('resume', 'boot');
    expect(more.journal.record.stages).toEqual({ media });
    expect(more.journal.record.checkpoint).toBeUndefined();
  });

  test('has nothing to go on with when the last one succeeded, or there is none', async () => {
    const nothing = { kind: 'usage', code: 'nothing-to-resume' };
    await expect(begin('resume')).rejects.toMatchObject(nothing);
    await makeRecorded(output, { outcome: 'failed' });
    await makeRecorded(output, { appliance: 'other', outcome: 'failed' });
    const { record } = await makeRecorded(output);
    const message: unknown = expect.stringContaining(record.build);
    await expect(begin('resume')).rejects.toMatchObject({ ...nothing, message });
  });

  test('leaves one alone that runs', async () => {
    await makeRecorded(output, { outcome: undefined, owner: await thisProcess() });
    await expect(begin('resume')).rejects.toMatchObject({ code: 'build-running' });
  });
});
