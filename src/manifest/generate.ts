/** The files that are derived from the schema. A test fails when one of them is stale. */
import { readFile, writeFile } from 'node:fs/promises';
import { jsonSchemaText } from './json-schema.ts';
import { referenceText } from './reference.ts';

export interface GeneratedFile {
  /** Relative to the repository. */
  readonly path: string;
  readonly text: string;
}

export function generatedFiles(): readonly GeneratedFile[] {
  return [
    { path: 'docs/manifest.md', text: referenceText() },
    { path: 'docs/appliance.schema.json', text: jsonSchemaText() },
  ];
}

/** Writes those that differ; returns their paths. */
export async function generate(repository: URL): Promise<readonly string[]> {
  const changed: string[] = [];
  for (const { path, text } of generatedFiles()) {
    const file = new URL(path, repository);
    const now = await readFile(file, 'utf8').catch(() => undefined);
    if (now === text) continue;
    await writeFile(file, text);
    changed.push(path);
  }
  return changed;
}
