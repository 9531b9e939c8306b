/**
 * Who imports whom below src/, as esbuild resolves it. Imports of types count too: they are erased
 * from the bundles, but the reader of a module needs them.
 */
import { readFile } from 'node:fs/promises';
import { build, type Plugin } from 'esbuild';

export interface Import {
  /** Paths relative to the repository, e.g. `src/cli/main.ts`. */
  readonly from: string;
  readonly to: string;
}

/** The imports between the given source files and everything of ours that they reach. */
export async function importsOf(files: readonly string[]): Promise<readonly Import[]> {
  const { metafile } = await build({
    entryPoints: [...files],
    bundle: true,
    write: false,
    metafile: true,
    platform: 'node',
    format: 'esm',
    // Never written; needed because there is more than one entry point.
    outdir: 'nowhere',
    packages: 'external',
    loader: { '.xsd': 'text', '.service': 'text', '.sh': 'text' },
    plugins: [typeImportsCount],
    logLevel: 'silent',
  });
  return Object.entries(metafile.inputs).flatMap(([from, { imports }]) =>
    // Data is no part of the order.
    imports
      .filter((one) => !one.external && !one.path.endsWith('.json'))
      .map((one) => ({ from, to: one.path })),
  );
}

const typeImportsCount: Plugin = {
  name: 'type-imports-count',
  setup(bundling) {
    bundling.onLoad({ filter: /\.ts$/ }, async ({ path }) => {
      const text = await readFile(path, 'utf8');
      const contents = text
        .replaceAll(/^import type (?=[{*\w])/gm, 'import ')
        .replaceAll(/^export type (?=[{*] )/gm, 'export ');
      return { contents, loader: 'ts' };
    });
  },
};
