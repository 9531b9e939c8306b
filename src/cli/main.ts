/** pvmc: wires the pipeline into the command line. */
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { manifestJsonSchema } from '../manifest/json-schema.ts';
import { applianceNameOf, manifestTemplate } from '../manifest/template.ts';
import { buildAppliance } from '../pipeline/build.ts';
import { showBuild } from '../pipeline/build-space.ts';
import { checkManifest } from '../pipeline/check.ts';
import { cleanBuilds } from '../pipeline/clean.ts';
import { diagnoseBuild } from '../pipeline/diagnose.ts';
import { diffAppliances } from '../pipeline/diff.ts';
import { diagnoseComputer } from '../pipeline/doctor.ts';
import { importAppliance } from '../pipeline/import.ts';
import { buildIso } from '../pipeline/iso.ts';
import { keptBuilds } from '../pipeline/kept-builds.ts';
import { lintAppliance } from '../pipeline/lint-file.ts';
import { listedStages } from '../pipeline/listed-stages.ts';
import { planBuild } from '../pipeline/plan.ts';
import { signFile } from '../pipeline/sign-file.ts';
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
  diagnoseComputer,
  planBuild,
  verifyFile,
  importAppliance,
  lintAppliance,
  signFile,
  diffAppliances,
  keptBuilds,
  showBuild,
  diagnoseBuild,
  cleanBuilds,
  listedStages,
  // Relative: manifest and pvmc are often moved, mounted or checked out together.
  manifestTemplate: (folder) =>
    manifestTemplate({ name: applianceNameOf(folder), schema: relative(folder, SCHEMA_PATH) }),
  manifestJsonSchema,
};

await runMain(program);
