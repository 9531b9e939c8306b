// Runs a command with a VirtualBox of its own, which needs no kernel driver and is removed at the end:
//   npm run virtualbox -- ./pvmc build examples/hello --hypervisor virtualbox
import { join } from 'node:path';
import { runBundled } from './bundled.mjs';

const command = process.argv.slice(2);
if (command.length === 0) {
  console.error('usage: npm run virtualbox -- COMMAND [ARGUMENT…]');
  process.exit(2);
}
await runBundled(join(import.meta.dirname, '../test/support/virtualbox/with-command.ts'), command);
