// Has every importer that is installed here take every export of a build, and prints the table of
// docs/importers.md: npm run importers -- BUILD [WORK [IMPORTER…]]
import { join } from 'node:path';
import { runBundled } from './bundled.mjs';

await runBundled(join(import.meta.dirname, '../test/importers/main.ts'), process.argv.slice(2));
