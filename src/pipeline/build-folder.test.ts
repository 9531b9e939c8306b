import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { buildName, closeBuildFolder, makeBuildFolder, reopenBuildFolder } from './build-folder.ts';

const NOW = new Date(Date.UTC(2026, 0, 2, 3, 4, 5, 678));

let outputFolder = '';

beforeEach(async () => {
  outputFolder = await mkdtemp(join(tmpdir(), 'pvmc-pipeline-'));
});

afterEach(async () => {
  await rm(outputFolder, { recursive: true, force: true });
});

function make(folder = outputFolder) {
  return makeBuildFolder({
    outputFolder: folder,
    appliance: 'hello',
    version: '1.0.0',
    manifestText: 'name: hello\n',
    now: NOW,
  });
}

test('a name tells what was built and when, and differs from every other', () => {
  expect(buildName('hello', '1.0.0', NOW)).toMatch(/^hello-1\.0\.0-20260102-030405-[0-9a-f]{4}$/);
  const names = Array.from({ length: 5 }, () => buildName('hello', '1.0.0', NOW));
  expect(new Set(names).size).toBeGreaterThan(1);
});

describe('a build’s folder', () => {
  test('holds the manifest, for nobody else to read, and everything has its place in it', async () => {
    const folder = await make();
    const manifest = join(folder.path, 'appliance.yaml');
    expect(await readFile(manifest, 'utf8')).toBe('name: hello\n');
    expect((await stat(manifest)).mode & 0o777).toBe(0o600);
    const { name, path, log, ...places } = folder;
    expect(path).toBe(join(outputFolder, 'builds', name));
    for (const place of Object.values(places)) expect(place.startsWith(`${path}/`)).toBe(true);
    expect(new Set(Object.values(places)).size).toBe(Object.values(places).length);
    await closeBuildFolder(folder);
    expect(log.closed).toBe(true);
  });

  test('keeps its log, whole', async () => {
    const folder = await make();
    for (let line = 0; line < 1000; line += 1) folder.log.write(`line ${line}\n`);
    await closeBuildFolder(folder);
    const lines = (await readFile(join(folder.path, 'build.log'), 'utf8')).split('\n');
    expect(lines[999]).toBe('line 999');
  });

  test('that is opened again has the manifest as it is now, and goes on with its log', async () => {
    const first = await make();
    first.log.write('one\n');
    await closeBuildFolder(first);
    const again = await reopenBuildFolder(first.path, 'name: changed\n');
    again.log.write('two\n');
    await closeBuildFolder(again);
    expect(again.name).toBe(first.name);
    expect(await readFile(join(again.path, 'appliance.yaml'), 'utf8')).toBe('name: changed\n');
    expect(await readFile(join(again.path, 'build.log'), 'utf8')).toBe('one\ntwo\n');
  });

  test('that cannot be made is an error for a person', async () => {
    const inTheWay = join(outputFolder, 'file');
    await writeFile(inTheWay, '');
    const hint: unknown = expect.stringContaining('--output');
    await expect(make(inTheWay)).rejects.toMatchObject({
      kind: 'host',
      code: 'output-not-writable',
      hint,
    });
  });

  test('whose log cannot be written any more is closed all the same', async () => {
    const folder = await make();
    await rm(folder.path, { recursive: true });
    folder.log.destroy(new Error('full'));
    await closeBuildFolder(folder);
  });
});
