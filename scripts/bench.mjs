// Bundles one program of bench/ and runs it: npm run bench -- NAME [ARGUMENT…]
import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { constants } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';

const root = join(import.meta.dirname, '..');
const [, , name = '', ...args] = process.argv;
const source = join(root, 'bench', `${name}.ts`);
if (!/^[\w-]+$/.test(name) || !existsSync(source)) {
  const names = readdirSync(join(root, 'bench')).flatMap(
    (file) => /^(.*)\.ts$/.exec(file)?.[1] ?? [],
  );
  console.error(`usage: npm run bench -- NAME [ARGUMENT…]\nnames: ${names.join(', ')}`);
  process.exit(2);
}

// Beside pvmc's own bundles: what they find by their place is found from there.
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
