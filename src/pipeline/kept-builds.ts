/** `pvmc builds` and `pvmc show`: what builds there are, how they went, and what room they take. */
import { readdir, stat } from 'node:fs/promises';
import { basename, join, resolve, sep } from 'node:path';
import { suggest } from '../manifest/suggest.ts';
import { PvmcError } from '../system/error.ts';
import { BUILDS_FOLDER } from './build-folder.ts';
import { type RecordedBuild, recordedBuilds } from './earlier-builds.ts';
import { type BuildRecord, type BuildState, stateOf } from './record.ts';
import {
  readVerification,
  recordedVerifications,
  type VerificationRecord,
} from './verification-record.ts';

interface Kept {
  /** The name of its folder. */
  readonly build: string;
  readonly folder: string;
  readonly state: BuildState;
  /** ISO 8601. */
  readonly began: string;
  readonly ageSeconds: number;
  /** The room that it takes; what newer ones have too is theirs. */
  readonly sizeBytes: number;
}

export interface KeptBuild extends Kept {
  readonly kind: 'build';
  readonly appliance: string;
  readonly version: string;
}

/** A `pvmc verify`, whose folder lies among those of the builds. */
export interface KeptVerification extends Kept {
  readonly kind: 'verification';
  /** What was verified. */
  readonly file: string;
}

export interface BuildReport extends KeptBuild {
  readonly manifestPath: string;
  readonly stages: BuildRecord['stages'];
  readonly failure?: BuildRecord['failure'];
  /** What a next build could start from. */
  readonly kept: readonly { readonly path: string; readonly sizeBytes: number }[];
}

/** Builds and verifications, the newest first. */
export async function keptBuilds(outputFolder: string): Promise<(KeptBuild | KeptVerification)[]> {
  const folder = resolve(outputFolder);
  const all = [...(await recordedBuilds(folder)), ...(await recordedVerifications(folder))];
  const counted = new Set<number>();
  const kept: (KeptBuild | KeptVerification)[] = [];
  for (const one of all.sort((a, b) => b.record.began.localeCompare(a.record.began)))
    kept.push(
      'build' in one.record
        ? await describe(one.path, one.record, counted)
        : await describeVerification(one.path, one.record, counted),
    );
  return kept;
}

/** One build, as `findBuild` finds it. */
export async function buildReport(outputFolder: string, given: string): Promise<BuildReport> {
  const build = await findBuild(outputFolder, given);
  const { manifestPath, stages, failure } = build.record;
  const large = (await filesBelow(build.path)).filter(({ sizeBytes }) => sizeBytes >= LARGE_BYTES);
  return {
    ...(await describe(build.path, build.record, new Set())),
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
  const folder = resolve(outputFolder);
  const builds = await recordedBuilds(folder);
  if (builds.length === 0) throw noBuilds(outputFolder);
  const named = builds.map((one) => ({ name: one.record.build, path: one.path, one }));
  try {
    return chosen(named, given, builds[0]);
  } catch (thrown) {
    const path = join(folder, BUILDS_FOLDER, basename(given));
    throw (await readVerification(path)) ? isVerification(path) : thrown;
  }
}

/** Among all that is kept, as `findBuild` among builds: `latest` is a build. @throws as that */
export function findKept<T extends KeptBuild | KeptVerification>(
  kept: readonly T[],
  given: string,
  outputFolder: string,
): T {
  if (kept.length === 0) throw noBuilds(outputFolder);
  const named = kept.map((one) => ({ name: one.build, path: one.folder, one }));
  return chosen(
    named,
    given,
    kept.find(({ kind }) => kind === 'build'),
  );
}

interface Named<T> {
  readonly name: string;
  readonly path: string;
  readonly one: T;
}

function chosen<T>(all: readonly Named<T>[], given: string, latest: T | undefined): T {
  const names = all.map(({ name }) => name);
  if (given.trim() === '') throw unknown(given, names);
  if (given === LATEST && latest !== undefined) return latest;
  const exact = given.includes(sep)
    ? all.find(({ path }) => path === resolve(given))
    : all.find(({ name }) => name === given);
  if (exact) return exact.one;
  const [found, ...more] = all.filter(({ name }) => name.startsWith(given));
  if (found && more.length === 0) return found.one;
  throw found ? ambiguous(given, names) : unknown(given, names);
}

async function describe(
  path: string,
  record: BuildRecord,
  counted: Set<number>,
): Promise<KeptBuild> {
  const { build, appliance, applianceVersion: version, began } = record;
  const sizeBytes = await roomOf(path, counted);
  const state = await stateOf(record);
  const ageSeconds = ageOf(began);
  const folder = path;
  return { kind: 'build', build, folder, appliance, version, state, began, ageSeconds, sizeBytes };
}

async function describeVerification(
  path: string,
  record: VerificationRecord,
  counted: Set<number>,
): Promise<KeptVerification> {
  const { verification: build, file, began } = record;
  const sizeBytes = await roomOf(path, counted);
  const state = await stateOf(record);
  const ageSeconds = ageOf(began);
  return { kind: 'verification', build, folder: path, file, state, began, ageSeconds, sizeBytes };
}

function ageOf(began: string): number {
  return (Date.now() - Date.parse(began)) / 1000;
}

/** What others before have too is not counted again. */
async function roomOf(path: string, counted: Set<number>): Promise<number> {
  let sizeBytes = 0;
  for (const { inode, usedBytes } of await filesBelow(path)) {
    if (counted.has(inode)) continue;
    counted.add(inode);
    sizeBytes += usedBytes;
  }
  return sizeBytes;
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

function isVerification(path: string): PvmcError {
  return new PvmcError({
    kind: 'usage',
    code: 'build-unknown',
    message: `${basename(path)} is a verification, and no build`,
    hint: `What it has found is in ${join(path, 'report.json')}.`,
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
