/** pvmc: wires the pipeline into the command line. */
import { fileURLToPath } from 'node:url';
import { manifestJsonSchema } from '../manifest/json-schema.ts';
import { manifestTemplate } from '../manifest/template.ts';
import { buildAppliance } from '../pipeline/build.ts';
import { checkManifest } from '../pipeline/check.ts';
import { buildIso } from '../pipeline/iso.ts';
import { planBuild } from '../pipeline/plan.ts';
import { verifyFile } from '../pipeline/verify-file.ts';
import { PVMC_VERSION } from '../pipeline/version.ts';
import type { Program } from './program.ts';
import { runMain } from './run-main.ts';

/** In the package, for editors: what a manifest of `pvmc init` points to. */
const SCHEMA_PATH = fileURLToPath(new URL('../docs/appliance.schema.json', import.meta.url));

const program: Program = {
  version: PVMC_VERSION,
  buildAppliance,
  buildIso,
  checkManifest,
  planBuild,
  verifyFile,
  manifestTemplate: (name) => manifestTemplate({ name, schema: SCHEMA_PATH }),
  manifestJsonSchema,
};

await runMain(program);
