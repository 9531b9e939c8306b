// Bundles the two programs that pvmc consists of: the host's command line and the guest's constructor.
// The launcher runs this when a source is newer than dist/.stamp.
import { mkdir, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { build } from 'esbuild';

// Bundled CommonJS dependencies ask for a `require`; an ES module has none of its own.
const require =
  "import { createRequire as makeRequire } from 'node:module'; const require = makeRequire(import.meta.url);";

/** @type {import('esbuild').BuildOptions} */
const common = {
  bundle: true,
  platform: 'node',
  target: 'node20.19',
  format: 'esm',
  outdir: 'dist',
  logLevel: 'warning',
  legalComments: 'none',
};

/** @type {import('esbuild').BuildOptions} */
const host = {
  ...common,
  entryPoints: { pvmc: 'src/cli/main.ts' },
  sourcemap: 'linked',
  // Finds its WebAssembly file beside its own module.
  external: ['libxml2-wasm'],
  banner: { js: `#!/usr/bin/env node\n${require}` },
};

/**
 * Travels on the medium, where the same sources must give the same bits: no map, no paths.
 * @type {import('esbuild').BuildOptions}
 */
const guest = {
  ...common,
  entryPoints: { constructor: 'src/constructor/main.ts' },
  banner: { js: require },
};

const began = new Date();
const results = await Promise.all(
  [host, guest].map((one) =>
    build({ ...one, write: false }).catch(() => {
      // esbuild has said why.
      process.exit(1);
    }),
  ),
);
for (const file of results.flatMap((result) => result.outputFiles ?? [])) {
  await replace(file.path, file.contents);
}
await replace('dist/.stamp', '');
// A source that was saved while the bundles were made is newer than they are.
await utimes('dist/.stamp', began, began);

/**
 * In one step, so that a pvmc that runs meanwhile never reads half a bundle.
 * @param {string} path
 * @param {string | Uint8Array} contents
 */
async function replace(path, contents) {
  await mkdir(dirname(path), { recursive: true });
  const fresh = `${path}.${process.pid}`;
  try {
    await writeFile(fresh, contents, { mode: 0o755 });
    await rename(fresh, path);
  } finally {
    await rm(fresh, { force: true });
  }
}
