/** pvmc: wires the pipeline into the command line. */
import { manifestJsonSchema } from '../manifest/json-schema.ts';
import { manifestTemplate } from '../manifest/template.ts';
import { buildAppliance } from '../pipeline/build.ts';
import { PVMC_VERSION } from '../pipeline/version.ts';
import { PvmcError } from '../system/error.ts';
import type { Program } from './program.ts';
import { runMain } from './run-main.ts';

function notThere(what: string): never {
  throw new PvmcError({ kind: 'internal', code: 'internal', message: `${what} is not wired yet` });
}

const program: Program = {
  version: PVMC_VERSION,
  buildAppliance,
  buildIso: async () => notThere('iso'),
  checkManifest: async () => notThere('check'),
  planBuild: async () => notThere('plan'),
  verifyFile: async () => notThere('verify'),
  manifestTemplate: (name) => manifestTemplate({ name, schema: '' }),
  manifestJsonSchema,
};

await runMain(program);
