/** `pvmc doctor`: everything about this computer that decides whether a build can run, and how well. */
import { resolve } from 'node:path';
import { type Manifest, manifestSchema } from '../manifest/schema.ts';
import { SUITE } from '../media/packages.ts';
import type { Repository } from '../preflight/checks/mirror.ts';
import { diagnose, isReady } from '../preflight/diagnose.ts';
import type { CheckResult } from '../preflight/finding.ts';
import { predictSpace, TYPICAL_PACKAGES } from '../preflight/predict-space.ts';
import { doctorChecks } from '../preflight/preflight.ts';
import { aptSourcesOf } from '../repository/sources.ts';
import { cacheFolder } from './cache-folder.ts';
import { baseMirror } from './media-stage.ts';
import { type ReadAppliance, readAppliance } from './prepare.ts';
import { PVMC_VERSION } from './version.ts';
import { spaceNeeds, wantsOf } from './wants.ts';

export interface DoctorOptions {
  /** Whose machine, exports and repositories are looked at; what a manifest leaves out unless told. */
  readonly manifestPath?: string | undefined;
  readonly outputFolder: string;
  readonly cacheFolder?: string | undefined;
}

export interface Diagnosis {
  /** Nothing was found that prevents a build. */
  readonly ready: boolean;
  readonly checks: readonly CheckResult[];
}

/** Makes nothing, and takes some seconds. @throws ManifestError when the manifest is wrong. */
export async function diagnoseComputer(
  options: DoctorOptions,
  signal: AbortSignal,
): Promise<Diagnosis> {
  const { manifestPath } = options;
  const appliance = manifestPath === undefined ? undefined : await readAppliance(manifestPath);
  const manifest = appliance?.file.manifest ?? manifestSchema.parse({ name: 'any', version: '1' });
  const wants = await wantsOf(manifest, {
    outputFolder: resolve(options.outputFolder),
    cacheFolder: cacheFolder(options.cacheFolder),
  });
  const checks = await diagnose(
    doctorChecks({
      ...wants,
      pvmcVersion: PVMC_VERSION,
      repositories: repositoriesOf(manifest, wants.base),
      prediction: predictSpace({
        ...sizesOf(appliance, manifest),
        base: wants.base,
        verify: true,
        checkpoint: true,
      }),
    }),
    { signal },
  );
  return { ready: isReady(checks), checks };
}

function sizesOf(appliance: ReadAppliance | undefined, manifest: Manifest) {
  if (appliance) return spaceNeeds(appliance, TYPICAL_PACKAGES);
  return { ...TYPICAL_PACKAGES, filesBytes: 0, formats: manifest.exports };
}

/** All that a build asks; the medium's own only if its base has to be made. */
function repositoriesOf(
  { repository, ...rest }: Manifest,
  base: 'cached' | 'to-be-made',
): readonly Repository[] {
  // Signatures are not looked at here, so it does not matter where the keys are.
  const keys = { archive: '', extra: repository.extra.map(({ key }) => key) };
  const sources = aptSourcesOf(repository, keys).flatMap(({ url, suites }) =>
    suites.map((suite) => ({ url, suite })),
  );
  const medium = { url: baseMirror({ ...rest, repository }), suite: SUITE };
  const known = sources.some(({ url, suite }) => url === medium.url && suite === medium.suite);
  return base === 'cached' || known ? sources : [...sources, medium];
}
