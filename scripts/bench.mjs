// Bundles one program of bench/ and runs it: npm run bench -- NAME [ARGUMENT…]
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { runBundled } from './bundled.mjs';

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
await runBundled(source, args);
