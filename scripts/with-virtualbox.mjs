// Runs a command with a VirtualBox of its own, which needs no kernel driver and is removed at the end:
//   npm run virtualbox -- ./pvmc build examples/hello --hypervisor virtualbox
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from 'esbuild';

const command = process.argv.slice(2);
if (command.length === 0) {
  console.error('usage: npm run virtualbox -- COMMAND [ARGUMENT…]');
  process.exit(2);
}
// Beside its sources: what they find by their place is found from there.
const folder = join(import.meta.dirname, '../test/support/virtualbox');
const bundle = join(folder, `.with-command.${process.pid}.mjs`);
await build({
  bundle: true,
  platform: 'node',
  target: 'node20.19',
  format: 'esm',
  entryPoints: [join(folder, 'with-command.ts')],
  outfile: bundle,
  logLevel: 'warning',
  external: ['libxml2-wasm'],
  banner: {
    js: "import { createRequire as makeRequire } from 'node:module'; const require = makeRequire(import.meta.url);",
  },
});
try {
  const { withVirtualBox } = await import(bundle);
  process.exitCode = await withVirtualBox(command);
} finally {
  await rm(bundle, { force: true });
}
