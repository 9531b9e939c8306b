// Bundles the two programs that pvmc consists of: the host's command line and the guest's constructor.
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

await Promise.all([
  build({
    ...common,
    entryPoints: { pvmc: 'src/cli/main.ts' },
    sourcemap: 'linked',
    // Finds its WebAssembly file beside its own module.
    external: ['libxml2-wasm'],
    banner: { js: `#!/usr/bin/env node\n${require}` },
  }),
  // Travels on the medium, where the same sources must give the same bits: no map, no paths.
  build({
    ...common,
    entryPoints: { constructor: 'src/constructor/main.ts' },
    banner: { js: require },
  }),
]);
