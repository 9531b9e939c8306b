/** What a run looks at before it makes anything: its manifest and folders as the preflight's checks. */
import { resolve } from 'node:path';
import { vagrantNotices } from '../appliance/formats/vagrant-notices.ts';
import { space } from '../preflight/checks/space.ts';
import { diagnose, notReady, warningLines } from '../preflight/diagnose.ts';
import type { Check } from '../preflight/finding.ts';
import { predictSpace } from '../preflight/predict-space.ts';
import { buildChecks, mediumChecks, verifyChecks } from '../preflight/preflight.ts';
import type { PackageTotals } from '../repository/resolve.ts';
import type { Progress } from '../system/progress.ts';
import type { BegunBuild } from './begin-build.ts';
import type { BuildOptions } from './build-options.ts';
import { cacheFolder } from './cache-folder.ts';
import type { ReadAppliance } from './prepare.ts';
import { isBefore, type StageOrder } from './stage-order.ts';
import { type RunFolders, spaceNeeds, wantsOf } from './wants.ts';

type Words = Pick<Progress, 'notice' | 'signal'>;

/**
 * Before a build makes anything.
 * @throws PvmcError `not-ready` with all that would keep it from running.
 */
export async function preflight(
  { file: { manifest } }: ReadAppliance,
  options: Pick<BuildOptions, 'outputFolder' | 'cacheFolder' | 'hypervisor' | 'mediumPath'>,
  words: Words,
): Promise<void> {
  const { hypervisor, mediumPath } = options;
  const folders = {
    outputFolder: resolve(options.outputFolder),
    cacheFolder: cacheFolder(options.cacheFolder),
  };
  const wants = await wantsOf(manifest, folders);
  const medium = mediumPath === undefined ? 'made' : 'given';
  await pass(buildChecks({ ...wants, hypervisor, medium }), words);
  // What the export will lack is better known before the build than behind it.
  for (const line of vagrantNotices(manifest)) words.notice(line);
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

/** Of a build's stages, what says how much room they take. */
export interface RoomOptions {
  readonly appliance: ReadAppliance;
  readonly begun: BegunBuild;
  readonly order: StageOrder;
  readonly cacheFolder: string;
  readonly checkpoints: 'kept' | 'unwanted';
}

/**
 * When the packages are resolved, and the room that a build takes can be predicted; one that an earlier
 * build has constructed already takes little.
 * @throws PvmcError `not-ready` when there is far less.
 */
export async function preflightRoom(
  { appliance, begun, order, cacheFolder: cache, checkpoints }: RoomOptions,
  { totals, key }: { readonly totals: PackageTotals; readonly key: string },
  words: Words,
): Promise<void> {
  if (!order.wants('machine') || isConstructed(begun, order, key)) return;
  const { outputFolder } = begun.journal.record;
  const { folders, base } = await wantsOf(appliance.file.manifest, {
    outputFolder,
    cacheFolder: cache,
  });
  const prediction = predictSpace({
    ...spaceNeeds(appliance, totals),
    base,
    verify: order.wants('verify'),
    checkpoint: checkpoints === 'kept',
  });
  await pass([space({ folders, prediction })], words);
}

function isConstructed({ journal, earlier }: BegunBuild, order: StageOrder, key: string): boolean {
  const { redoFrom } = order;
  if (redoFrom !== undefined && !isBefore('construct', redoFrom)) return false;
  const records = [journal.record, ...earlier.map(({ record }) => record)];
  return records.some(({ stages }) => stages.construct?.key === key);
}

async function pass(checks: readonly Check[], { notice, signal }: Words): Promise<void> {
  const results = await diagnose(checks, { signal });
  const error = notReady(results);
  if (error) throw error;
  for (const line of warningLines(results)) notice(line);
}
