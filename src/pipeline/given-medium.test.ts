import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { run } from '../system/run.ts';
import { examineMedium } from './given-medium.ts';

const { signal } = new AbortController();
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pvmc-pipeline-'));
});

afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

async function iso(volume: string): Promise<string> {
  const content = await mkdtemp(join(folder, 'content-'));
  const path = join(folder, 'medium.iso');
  await run(['xorriso', '-as', 'mkisofs', '-quiet', '-V', volume, '-o', path, content]);
  return path;
}

test('the medium of the appliance is taken, with its digest', async () => {
  const medium = await examineMedium(await iso('PVMC_WEB_SHOP'), 'web-shop', signal);
  expect(medium.sizeBytes).toBeGreaterThan(32 * 1024);
  expect(medium.sha256).toMatch(/^[0-9a-f]{64}$/);
});

test('another one is refused', async () => {
  await expect(examineMedium(await iso('PVMC_OTHER'), 'web-shop', signal)).rejects.toMatchObject({
    code: 'medium-foreign',
    message: expect.stringContaining('the ISO PVMC_OTHER'),
  });
});

test('so is a file that is none, or not there', async () => {
  const path = join(folder, 'notes.txt');
  await writeFile(path, 'hello');
  await expect(examineMedium(path, 'web-shop', signal)).rejects.toThrow('is no ISO image');
  await expect(examineMedium(join(folder, 'no.iso'), 'web-shop', signal)).rejects.toMatchObject({
    code: 'file-missing',
  });
});
