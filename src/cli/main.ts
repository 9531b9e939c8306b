/** pvmc: wires the pipeline into the command line. */
import { manifestJsonSchema } from '../manifest/json-schema.ts';
import { PvmcError } from '../system/error.ts';
import type { Program } from './program.ts';
import { runMain } from './run-main.ts';

function notThere(what: string): never {
  throw new PvmcError({ kind: 'internal', code: 'internal', message: `${what} is not wired yet` });
}

const program: Program = {
  version: '0.1.0',
  buildAppliance: async () => notThere('build'),
  buildIso: async () => notThere('iso'),
  checkManifest: async () => notThere('check'),
  planBuild: async () => notThere('plan'),
  verifyFile: async () => notThere('verify'),
  manifestTemplate: () => notThere('init'),
  manifestJsonSchema,
};

await runMain(program);
