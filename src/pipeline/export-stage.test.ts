/** Which exports a build takes, and what the budget says of them and of the disk. */
import { readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { codeOf, makeKnownDisk, makeManifest } from '../appliance/testing/fixtures.ts';
import { closeBuildFolder, reopenBuildFolder } from './build-folder.ts';
import { recordedBuilds } from './earlier-builds.ts';
import type { BuildEvent } from './events.ts';
import { type ExportStage, reuseExports, takeExports, writeExports } from './export-stage.ts';
import { FinishedStages } from './finished-stages.ts';
import { Journal } from './journal.ts';
import { outputOf } from './outputs.ts';
import type { BuildRecord } from './record.ts';
import { makeOutputFolder, makeRecorded } from './recorded-build.test-support.ts';
import { StageOrder } from './stage-order.ts';
import { StageRunner } from './stage-runner.ts';

const MIB = 2 ** 20;
let output = '';

beforeEach(async () => {
  output = await makeOutputFolder();
});
afterEach(() => rm(output, { recursive: true }));

/** A build with an export of two mebibytes, as an earlier one or as the one that is taken up again. */
async function makeExported(dataBytes: number | undefined = 5 * MIB) {
  const { path, record } = await makeRecorded(output);
  const ova = join(path, 'export/tiny-1.0.ova');
  await writeFile(ova, Buffer.alloc(2 * MIB));
  const [file] = record.stages.export?.files ?? [];
  if (!record.stages.export || !file) throw new Error('nothing was exported');
  const files = [{ ...file, output: await outputOf(path, ova) }];
  const stages = { ...record.stages, export: { ...record.stages.export, files, dataBytes } };
  await writeFile(join(path, 'build.json'), JSON.stringify({ ...record, stages }));
  return record.build;
}

async function stageOf(budget: object | undefined, own: Partial<BuildRecord> = { stages: {} }) {
  const earlier = await recordedBuilds(output);
  const { path, record } = await makeRecorded(output, own);
  const order = new StageOrder({ verify: true, reuse: 'same' });
  const { version: _v, owner: _o, began: _b, outcome: _u, ...before } = record;
  const journal = await Journal.begin(path, before);
  const folder = await reopenBuildFolder(path, '');
  await closeBuildFolder(folder);
  const events: BuildEvent[] = [];
  const runner = new StageRunner((event) => events.push(event), new AbortController().signal);
  const stage: ExportStage = {
    manifest: makeManifest(budget ? { budget } : {}),
    folder,
    sourceDateEpoch: 1_760_000_000,
    signer: undefined,
    limitSeconds: 600,
    finished: new FinishedStages({ folder, journal, resumed: false, earlier }, order, runner),
    runner,
  };
  const seen = () =>
    events.flatMap((event) => (event.type.startsWith('stage-') ? [event.type] : []));
  return { stage, journal, seen };
}

describe('exports of an earlier build', () => {
  test('are taken by a build whose budget they keep to', async () => {
    const build = await makeExported();
    const { stage, seen } = await stageOf({ export: '3 MiB', 'disk-data': '5 MiB' });
    const taken = await takeExports(stage, 'export');
    expect(taken?.build).toBe(build);
    if (!taken) return;
    const files = await reuseExports(stage, taken, undefined);
    expect(files.map(({ sizeBytes }) => sizeBytes)).toEqual([2 * MIB]);
    expect(seen()).toEqual(['stage-reused']);
  });

  test.each([
    [{ export: '1 MiB' }, 'tiny-1.0.ova has 2 MiB, and the budget allows 1 MiB (export)'],
    [{ 'disk-data': '4 MiB' }, 'the disk holds data of 5 MiB, and the budget allows 4 MiB'],
  ])('are refused by one with the budget %j', async (budget, message) => {
    await makeExported();
    const { stage, seen } = await stageOf(budget);
    const taken = await takeExports(stage, 'export');
    if (!taken) throw new Error('nothing was taken');
    await expect(reuseExports(stage, taken, undefined)).rejects.toMatchObject({
      code: 'budget-exceeded',
      message: expect.stringContaining(message),
    });
    // It is the stage that failed, and nothing says that it was done.
    expect(seen()).toEqual(['stage-started']);
    expect(stage.runner.stage).toBe('export');
  });

  test('are refused as well where the build that made them is taken up again', async () => {
    const build = await makeExported();
    const path = join(output, 'builds', build);
    const own: BuildRecord = JSON.parse(await readFile(join(path, 'build.json'), 'utf8'));
    const { stage } = await stageOf({ export: '1 MiB' });
    const order = new StageOrder({ verify: true, reuse: 'resume' });
    const { version: _v, owner: _o, began: _b, outcome: _u, ...before } = own;
    const journal = await Journal.begin(path, before);
    const folder = await reopenBuildFolder(path, '');
    await closeBuildFolder(folder);
    const begun = { folder, journal, resumed: true, earlier: [] };
    const resumed = { ...stage, finished: new FinishedStages(begun, order, stage.runner) };
    const taken = await takeExports(resumed, 'export');
    if (!taken) throw new Error('nothing was taken');
    expect(await codeOf(reuseExports(resumed, taken, undefined))).toBe('budget-exceeded');
  });

  test('are written anew where nobody knows what data they hold, and that is limited', async () => {
    const build = await makeExported();
    const path = join(output, 'builds', build, 'build.json');
    const text = await readFile(path, 'utf8');
    await writeFile(path, text.replace(/,"dataBytes":\d+/, ''));
    const { stage } = await stageOf({ 'disk-data': '1 GiB' });
    expect(await takeExports(stage, 'export')).toBeUndefined();
    const other = await stageOf({ export: '1 GiB' });
    expect(await takeExports(other.stage, 'export')).toBeDefined();
  });
});

describe('exports that are written', () => {
  test('are recorded, with what the disk holds', async () => {
    const { stage, journal } = await stageOf({ export: '1 GiB', 'disk-data': '1 GiB' });
    await makeKnownDisk(stage.folder.diskPath);
    const [file] = await writeExports(stage, 'key');
    expect(file?.path).toMatch(/tiny-1\.0\.ova$/);
    expect(journal.record.stages.export?.dataBytes).toBeGreaterThan(MIB);
  });

  test('are not begun when the disk holds more than the budget allows', async () => {
    const { stage } = await stageOf({ 'disk-data': '1 MiB' });
    await makeKnownDisk(stage.folder.diskPath);
    const { exportFolder } = stage.folder;
    const before = await stat(exportFolder);
    await expect(writeExports(stage, 'key')).rejects.toMatchObject({
      code: 'budget-exceeded',
      message: expect.stringContaining('and the budget allows 1 MiB (disk-data)'),
    });
    // Not even under a provisional name.
    expect((await stat(exportFolder)).mtimeMs).toBe(before.mtimeMs);
  });
});
