import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { beginBuild } from './begin-build.ts';
import { closeBuildFolder } from './build-folder.ts';
import type { BuildOptions } from './build-options.ts';
import { readAppliance } from './prepare.ts';
import { readRecord, stateOf, thisProcess } from './record.ts';
import { makeOutputFolder, makeRecorded } from './recorded-build.test-support.ts';

let output = '';
let manifestPath = '';

beforeEach(async () => {
  output = await makeOutputFolder();
  manifestPath = join(output, 'source', 'appliance.yaml');
  await mkdir(join(output, 'source'));
  await writeFile(manifestPath, 'name: tiny\nversion: "1.0"\n');
});

afterEach(() => rm(output, { recursive: true }));

async function begin(reuse: BuildOptions['reuse'] = 'same') {
  const options: BuildOptions = {
    manifestPath,
    outputFolder: output,
    verify: true,
    keep: 'latest',
    timeouts: {},
    reuse,
  };
  const { signal } = new AbortController();
  const begun = await beginBuild(options, await readAppliance(manifestPath), signal);
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
