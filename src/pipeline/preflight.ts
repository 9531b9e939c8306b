/** What a run looks at before it makes anything: its manifest and folders as the preflight's checks. */
import { space } from '../preflight/checks/space.ts';
import { diagnose, notReady, warningLines } from '../preflight/diagnose.ts';
import type { Check } from '../preflight/finding.ts';
import { predictSpace, type SpaceNeeds } from '../preflight/predict-space.ts';
import { buildChecks, mediumChecks, verifyChecks } from '../preflight/preflight.ts';
import type { PackageTotals } from '../repository/resolve.ts';
import type { Progress } from '../system/progress.ts';
import type { ReadAppliance } from './prepare.ts';
import { type RunFolders, spaceNeeds, wantsOf } from './wants.ts';

type Words = Pick<Progress, 'notice' | 'signal'>;

/**
 * Before a build makes anything.
 * @throws PvmcError `not-ready` with all that would keep it from running.
 */
export async function preflight(
  { file: { manifest } }: ReadAppliance,
  folders: RunFolders,
  words: Words,
): Promise<void> {
  await pass(buildChecks(await wantsOf(manifest, folders)), words);
}

/** Before the medium alone is made. @throws as `preflight`. */
export async function preflightMedium(
  { file: { manifest } }: ReadAppliance,
  folders: RunFolders,
  words: Words,
): Promise<void> {
  await pass(mediumChecks(await wantsOf(manifest, folders)), words);
}

/** Before a finished appliance is verified. @throws as `preflight`. */
export async function preflightVerify(outputFolder: string, words: Words): Promise<void> {
  await pass(verifyChecks(outputFolder), words);
}

export interface SpaceRequest extends RunFolders, Pick<SpaceNeeds, 'verify' | 'checkpoint'> {
  readonly totals: PackageTotals;
}

/**
 * When the packages are resolved, and the room that the build takes can be predicted.
 * @throws PvmcError `not-ready` when there is far less.
 */
export async function preflightSpace(
  appliance: ReadAppliance,
  { totals, verify, checkpoint, ...rest }: SpaceRequest,
  words: Words,
): Promise<void> {
  const { folders, base } = await wantsOf(appliance.file.manifest, rest);
  const prediction = predictSpace({ ...spaceNeeds(appliance, totals), base, verify, checkpoint });
  await pass([space({ folders, prediction })], words);
}

async function pass(checks: readonly Check[], { notice, signal }: Words): Promise<void> {
  const results = await diagnose(checks, { signal });
  const error = notReady(results);
  if (error) throw error;
  for (const line of warningLines(results)) notice(line);
}
