import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { quietProgress } from '../system/progress.ts';
import { preflight, preflightMedium, preflightSpace, preflightVerify } from './preflight.ts';
import { type ReadAppliance, readAppliance } from './prepare.ts';

let folder = '';
let hello: ReadAppliance;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pvmc-preflight-'));
  hello = await readAppliance(join(import.meta.dirname, '../../examples/hello'));
});
afterEach(() => rm(folder, { recursive: true }));

test('all kinds of runs refuse an output folder that is a file, before anything is made', async () => {
  const outputFolder = join(folder, 'out');
  await writeFile(outputFolder, '');
  const folders = { outputFolder, cacheFolder: join(folder, 'cache') };
  const refusal = { kind: 'host', code: 'not-ready' };
  await expect(preflight(hello, folders, quietProgress())).rejects.toMatchObject(refusal);
  await expect(preflightMedium(hello, folders, quietProgress())).rejects.toMatchObject(refusal);
  await expect(preflightVerify(outputFolder, quietProgress())).rejects.toMatchObject(refusal);
});

test('a run whose packages need more room than there is ends', async () => {
  const notices: string[] = [];
  const words = { ...quietProgress(), notice: (line: string) => notices.push(line) };
  const room = (installedBytes: number) =>
    preflightSpace(
      hello,
      {
        totals: { packageCount: 1, downloadBytes: 0, installedBytes },
        verify: false,
        checkpoint: false,
        outputFolder: folder,
        cacheFolder: folder,
      },
      words,
    );
  await expect(room(2 ** 60)).rejects.toMatchObject({ code: 'not-ready' });
  await room(2 ** 20);
  expect(notices).toEqual([]);
});
