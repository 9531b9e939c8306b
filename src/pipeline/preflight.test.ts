import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { quietProgress } from '../system/progress.ts';
import { beginBuild } from './begin-build.ts';
import { closeBuildFolder } from './build-folder.ts';
import type { BuildOptions } from './build-options.ts';
import { preflight, preflightMedium, preflightRoom, preflightVerify } from './preflight.ts';
import { type ReadAppliance, readAppliance } from './prepare.ts';
import { makeOutputFolder, makeRecorded } from './recorded-build.test-support.ts';
import { StageOrder } from './stage-order.ts';

let output = '';
let hello: ReadAppliance;
beforeEach(async () => {
  output = await makeOutputFolder();
  hello = await readAppliance(join(import.meta.dirname, '../../examples/hello'));
});
afterEach(() => rm(output, { recursive: true }));

const notReady = { kind: 'host', code: 'not-ready' };

test('all kinds of runs refuse an output folder that is a file, before anything is made', async () => {
  const outputFolder = join(output, 'out');
  await writeFile(outputFolder, '');
  const folders = { outputFolder, cacheFolder: join(output, 'cache') };
  const build = { ...folders, hypervisor: 'qemu' } as const;
  await expect(preflight(hello, build, quietProgress())).rejects.toMatchObject(notReady);
  await expect(preflightMedium(hello, folders, quietProgress())).rejects.toMatchObject(notReady);
  await expect(preflightVerify(outputFolder, quietProgress())).rejects.toMatchObject(notReady);
});

describe('the room that a build takes', () => {
  async function look(change: Partial<BuildOptions> = {}, key = 'other'): Promise<void> {
    const options: BuildOptions = {
      manifestPath: hello.file.path,
      outputFolder: output,
      hypervisor: 'qemu',
      verify: true,
      keep: 'latest',
      timeouts: {},
      reuse: 'same',
      ...change,
    };
    const { signal } = new AbortController();
    const order = new StageOrder(options);
    const begun = await beginBuild(options, { appliance: hello, order }, signal);
    await closeBuildFolder(begun.folder);
    const room = {
      appliance: hello,
      begun,
      order,
      cacheFolder: output,
      checkpoints: 'kept',
    } as const;
    const totals = { packageCount: 1, downloadBytes: 0, installedBytes: 2 ** 60 };
    await preflightRoom(room, { totals, key }, quietProgress());
  }

  test('may be more than there is', async () => {
    await expect(look()).rejects.toMatchObject(notReady);
  });

  test('is little when no machine is started, or an earlier build has constructed the appliance', async () => {
    await look({ until: 'media' });
    await makeRecorded(output, { appliance: 'hello' });
    await look({}, 'construct');
    await look({ from: 'export' }, 'construct');
    await expect(look({ from: 'construct' }, 'construct')).rejects.toMatchObject(notReady);
  });
});
