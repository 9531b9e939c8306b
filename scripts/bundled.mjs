// Bundles one TypeScript program and runs it, with Ctrl-C and its exit status handed on.
import { spawn } from 'node:child_process';
import { readFile, rm } from 'node:fs/promises';
import { constants } from 'node:os';
import { basename, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const root = join(import.meta.dirname, '..');

/**
 * What stands beside its own source file is found from the bundle, too.
 * @type {import('esbuild').Plugin}
 */
const ownPlace = {
  name: 'own-place',
  setup(bundling) {
    bundling.onLoad({ filter: /\/test\/.*\.ts$/ }, async ({ path }) => {
      const url = JSON.stringify(pathToFileURL(path).href);
      const source = await readFile(path, 'utf8');
      return { contents: source.replaceAll('import.meta.url', url), loader: 'ts' };
    });
  },
};

/**
 * @param {string} source path of its main file
 * @param {readonly string[]} args
 */
export async function runBundled(source, args) {
  // Beside pvmc's own bundles: what they find by their place is found from there.
  const name = basename(source, '.ts');
  const bundle = join(root, 'dist', `bench-${name}.${process.pid}.js`);
  await build({
    bundle: true,
    platform: 'node',
    target: 'node20.19',
    format: 'esm',
    entryPoints: [source],
    outfile: bundle,
    logLevel: 'warning',
    external: ['libxml2-wasm'],
    plugins: [ownPlace],
    banner: {
      js: "import { createRequire as makeRequire } from 'node:module'; const require = makeRequire(import.meta.url);",
    },
  });
  try {
    process.exitCode = await new Promise((resolve, reject) => {
      const child = spawn(process.execPath, [bundle, ...args], { stdio: 'inherit' });
      // The terminal sends Ctrl-C to both: the program ends, then this does.
      process.on('SIGINT', () => {});
      process.on('SIGTERM', () => child.kill('SIGTERM'));
      child.on('error', reject);
      child.on('exit', (code, signal) =>
        resolve(code ?? 128 + (signal ? constants.signals[signal] : 0)),
      );
    });
  } finally {
    await rm(bundle, { force: true });
  }
}
