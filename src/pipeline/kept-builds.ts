/** `pvmc builds` and `pvmc show`: what builds there are, how they went, and what room they take. */
import { readdir, stat } from 'node:fs/promises';
import { join, resolve, sep } from 'node:path';
import { suggest } from '../manifest/suggest.ts';
import { PvmcError } from '../system/error.ts';
import { type RecordedBuild, recordedBuilds } from './earlier-builds.ts';
import { type BuildRecord, type BuildState, stateOf } from './record.ts';

export interface KeptBuild {
  readonly build: string;
  readonly folder: string;
  readonly appliance: string;
  readonly version: string;
  readonly state: BuildState;
  /** ISO 8601. */
  readonly began: string;
  readonly ageSeconds: number;
  /** The room that it takes; what newer builds have too is theirs. */
  readonly sizeBytes: number;
}

export interface BuildReport extends KeptBuild {
  readonly manifestPath: string;
  readonly stages: BuildRecord['stages'];
  readonly failure?: BuildRecord['failure'];
  /** What a next build could start from. */
  readonly kept: readonly { readonly path: string; readonly sizeBytes: number }[];
}

/** The newest first. */
export async function keptBuilds(outputFolder: string): Promise<KeptBuild[]> {
  const counted = new Set<number>();
  const kept: KeptBuild[] = [];
  for (const build of await recordedBuilds(resolve(outputFolder)))
    kept.push(await describe(build, counted));
  return kept;
}

/** One build, as `findBuild` finds it. */
export async function buildReport(outputFolder: string, given: string): Promise<BuildReport> {
  const build = await findBuild(outputFolder, given);
  const { manifestPath, stages, failure } = build.record;
  const large = (await filesBelow(build.path)).filter(({ sizeBytes }) => sizeBytes >= LARGE_BYTES);
  return {
    ...(await describe(build, new Set())),
    manifestPath,
    stages,
    failure,
    kept: large.map(({ path, sizeBytes }) => ({ path, sizeBytes })),
  };
}

const LARGE_BYTES = 2 ** 20;
const LATEST = 'latest';

/**
 * The build that a user means: the name of its folder or the beginning of it, the folder's path, or
 * `latest`.
 * @throws PvmcError `no-builds`, `build-unknown`, `build-ambiguous`
 */
export async function findBuild(outputFolder: string, given: string): Promise<RecordedBuild> {
  const builds = await recordedBuilds(resolve(outputFolder));
  const [latest] = builds;
  if (!latest) throw noBuilds(outputFolder);
  const names = builds.map(({ record }) => record.build);
  if (given.trim() === '') throw unknown(given, names);
  if (given === LATEST) return latest;
  const exact = given.includes(sep)
    ? builds.find(({ path }) => path === resolve(given))
    : builds.find(({ record }) => record.build === given);
  if (exact) return exact;
  const [found, ...more] = builds.filter(({ record }) => record.build.startsWith(given));
  if (found && more.length === 0) return found;
  throw found ? ambiguous(given, names) : unknown(given, names);
}

async function describe({ path, record }: RecordedBuild, counted: Set<number>): Promise<KeptBuild> {
  let sizeBytes = 0;
  for (const { inode, usedBytes } of await filesBelow(path)) {
    if (counted.has(inode)) continue;
    counted.add(inode);
    sizeBytes += usedBytes;
  }
  const { build, appliance, applianceVersion: version, began } = record;
  const ageSeconds = (Date.now() - Date.parse(began)) / 1000;
  const state = await stateOf(record);
  return { build, folder: path, appliance, version, state, began, ageSeconds, sizeBytes };
}

/** The room a folder's files take: of sparse ones only what is in them. */
async function filesBelow(folder: string) {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const files = entries.filter((entry) => entry.isFile());
  const found = files.map(async (entry) => {
    const path = join(entry.parentPath, entry.name);
    // It may have gone by now: a build that runs comes and goes as it likes.
    const facts = await stat(path).catch(() => undefined);
    if (!facts) return [];
    const usedBytes = facts.blocks * 512;
    return [{ path, inode: facts.ino, usedBytes, sizeBytes: usedBytes }];
  });
  return (await Promise.all(found)).flat();
}

function noBuilds(outputFolder: string): PvmcError {
  return new PvmcError({
    kind: 'usage',
    code: 'no-builds',
    message: `there are no builds in ${outputFolder}`,
    hint: 'pvmc build makes one; --output names the folder where builds were made.',
  });
}

function unknown(given: string, names: readonly string[]): PvmcError {
  const nearest = suggest(given, names);
  return new PvmcError({
    kind: 'usage',
    code: 'build-unknown',
    message: `there is no build "${given}"`,
    hint:
      nearest === undefined
        ? 'These are there; "latest" is the first:'
        : `Did you mean ${nearest}?`,
    details: nearest === undefined ? names.slice(0, MOST_NAMES) : [],
  });
}

function ambiguous(given: string, names: readonly string[]): PvmcError {
  return new PvmcError({
    kind: 'usage',
    code: 'build-ambiguous',
    message: `"${given}" is the beginning of several builds’ names`,
    hint: 'Give more of the name, or "latest".',
    details: names.filter((name) => name.startsWith(given)).slice(0, MOST_NAMES),
  });
}

const MOST_NAMES = 10;
