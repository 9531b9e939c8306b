import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { generate, generatedFiles } from './generate.ts';
import { keysAt, manifestJsonSchema, schemasAt } from './json-schema.ts';
import { parseManifest } from './read.ts';

const repository = new URL('../../', import.meta.url);

describe('files derived from the schema', () => {
  test.each(generatedFiles())(
    '$path is up to date (UPDATE=1 writes it)',
    async ({ path, text }) => {
      if (process.env['UPDATE'] === '1') await generate(repository);
      expect(await readFile(new URL(path, repository), 'utf8')).toBe(text);
    },
  );

  test('the reference has every key', () => {
    const reference = generatedFiles()[0]?.text ?? '';
    for (const key of keysAt([])) expect(reference).toContain(`| \`${key}\` |`);
    for (const key of keysAt(['users', 0])) expect(reference).toContain(`| \`${key}\` |`);
    for (const key of keysAt(['checks', 0])) expect(reference).toContain(`| \`${key}\` |`);
  });

  test('every key has a description', () => {
    const bare: string[] = [];
    const visit = (path: readonly (string | number)[]): void => {
      for (const key of keysAt(path)) {
        const inside = [...path, key];
        const described = [manifestJsonSchema(), ...schemasAt(path)].some(
          ({ properties }) => properties?.[key]?.description !== undefined,
        );
        if (!described) bare.push(inside.join('.'));
        visit(inside);
        visit([...inside, 0]);
      }
    };
    visit([]);
    expect(bare).toEqual([]);
  });

  test('every example is right', () => {
    for (const key of keysAt([])) {
      for (const example of schemasAt([key]).flatMap(({ examples }) => examples ?? [])) {
        const manifest = { name: 'demo', version: '1.0', [key]: example };
        const bytes = new TextEncoder().encode(JSON.stringify(manifest));
        expect(parseManifest('example.yaml', bytes).manifest).toBeDefined();
      }
    }
    for (const key of keysAt(['machine'])) {
      for (const example of schemasAt(['machine', key]).flatMap(({ examples }) => examples ?? [])) {
        const manifest = { name: 'demo', version: '1.0', machine: { [key]: example } };
        const bytes = new TextEncoder().encode(JSON.stringify(manifest));
        expect(parseManifest('example.yaml', bytes).manifest.machine).toBeDefined();
      }
    }
  });
});
