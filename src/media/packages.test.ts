import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { PROMISED_PROGRAMS } from './packages.ts';

const CONSTRUCTOR = new URL('../constructor/', import.meta.url).pathname;

/**
 * The first words of the argument lists that the constructor gives to `run` and `pipe`. What it gives
 * to `runInRoot` is found in the appliance's own root.
 */
function programsIn(source: string): string[] {
  const outside = source.replace(/runInRoot\(\s*\[\s*'[^']*'/g, '');
  const started = /\b(?:run|pipe|start)\(\s*\[\s*'([^']+)'/g;
  // Argument lists that are made apart: their second word is an option.
  const listed = /(?:return|=|=>)\s*\[\s*'([a-z][a-z0-9.-]*)',\s*'-/g;
  return [...outside.matchAll(started), ...outside.matchAll(listed)].map(([, name = '']) => name);
}

test('every program that the constructor starts is promised to be on the medium', async () => {
  const names = (await readdir(CONSTRUCTOR, { recursive: true })).filter(
    (name) => name.endsWith('.ts') && !/\.test\.|^testing\//.test(name),
  );
  const sources = await Promise.all(names.map((name) => readFile(join(CONSTRUCTOR, name), 'utf8')));
  const programs = [...new Set(sources.flatMap(programsIn))];
  // The search itself works.
  expect(programs).toEqual(
    expect.arrayContaining(['chroot', 'losetup', 'mke2fs', 'mcopy', 'resize2fs', 'tar']),
  );
  expect(programs.filter((name) => !PROMISED_PROGRAMS.includes(name))).toEqual([]);
});
