import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ExportedFile, ExportSizes } from '../appliance/export.ts';
import { exportTiny, makeManifest, temporaryFolder } from '../appliance/testing/fixtures.ts';
import { makeTwoDisks } from '../contents/testing/two-disks.ts';
import { quietProgress } from '../system/progress.ts';
import { budgetExceeded, overBudget } from './budget.ts';

const MIB = 2 ** 20;

function file(format: ExportedFile['format'], path: string, mib: number): ExportedFile {
  return { format, path, sizeBytes: mib * MIB, sha256: '' };
}

function over(budget: object, sizes: ExportSizes): readonly string[] {
  return overBudget(makeManifest({ budget }).budget, sizes);
}

describe('a budget', () => {
  const sizes: ExportSizes = {
    files: [
      file('ova', '/out/tiny-1.0.ova', 212),
      file('ovf', '/out/tiny-1.0-ovf/tiny-1.0.ovf', 0.01),
      file('ovf', '/out/tiny-1.0-ovf/tiny-1.0-disk1.vmdk', 212),
    ],
    dataBytes: 400 * MIB,
  };

  test('is kept to', () => {
    expect(overBudget(undefined, sizes)).toEqual([]);
    expect(over({ export: '213 MiB', 'disk-data': '400 MiB' }, sizes)).toEqual([]);
  });

  test('is exceeded by an export, all its files together, and by the data on the disk', () => {
    expect(over({ export: '200 MiB', 'disk-data': '1 GiB' }, sizes)).toEqual([
      'tiny-1.0.ova has 212 MiB, and the budget allows 200 MiB (export)',
      'the export ovf as a whole has 212 MiB, and the budget allows 200 MiB (export)',
    ]);
    expect(over({ 'disk-data': '300 MiB' }, sizes)).toEqual([
      'the disk holds data of 400 MiB, and the budget allows 300 MiB (disk-data)',
    ]);
  });

  test('is exceeded by a byte, which is told', () => {
    const one = { ...file('ova', 'a.ova', 0), sizeBytes: 300 * MIB + 1 };
    expect(over({ export: '300 MiB' }, { files: [one], dataBytes: 0 })).toEqual([
      'a.ova has 314572801 bytes, and the budget allows 314572800 bytes (export)',
    ]);
  });
});

describe('an export beyond its budget', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  const at = (...names: string[]) => join(folder.path, ...names);
  beforeAll(async () => {
    folder = await temporaryFolder();
    await makeTwoDisks(folder.path);
  });
  afterAll(() => folder[Symbol.asyncDispose]());

  test('leaves no file, and tells what takes the space', async () => {
    const diskPath = at('new', 'disk.raw');
    let told: ExportSizes | undefined;
    const work = exportTiny({
      diskPath,
      outputFolder: at('out'),
      formats: ['qcow2', 'ovf'],
      accept: async (sizes) => {
        told = sizes;
        throw await budgetExceeded(['it is too large'], diskPath, quietProgress());
      },
    });
    await expect(work).rejects.toMatchObject({
      kind: 'verify',
      code: 'budget-exceeded',
      message: 'it is too large',
      details: expect.arrayContaining([
        'largest packages',
        expect.stringMatching(/ KiB {2}libgood$/),
        'largest folders',
        expect.stringMatching(/ KiB {2}\/usr\/lib$/),
      ]),
    });
    expect(await readdir(at('out'))).toEqual([]);
    expect(told?.files.map(({ format }) => format)).toEqual(['qcow2', 'ovf', 'ovf', 'ovf']);
    expect(told?.dataBytes).toBeGreaterThan(300_000);
    expect((told?.dataBytes ?? 1) % 65_536).toBe(0);
  });

  test('fails as that also where nothing can be said of the space', async () => {
    expect(await budgetExceeded(['it is'], at('nothing.raw'), quietProgress())).toMatchObject({
      code: 'budget-exceeded',
      details: [expect.stringContaining('What takes the space cannot be told')],
    });
  });

  test('ends at once when it is told to', async () => {
    const controller = new AbortController();
    controller.abort(new Error('enough'));
    const work = budgetExceeded(['it is'], at('new', 'disk.raw'), quietProgress(controller.signal));
    await expect(work).rejects.toThrow('enough');
  });
});
