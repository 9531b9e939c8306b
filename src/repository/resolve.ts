/**
 * From the names in a manifest to package files: which ones, in which order, from where, with which
 * SHA256. The host does this once, with apt's own resolver and signature checks; the guest then only
 * fetches what is listed, and neither guesses nor resolves.
 */
import { resolve as resolvePath } from 'node:path';
import type { ResolvedPackage } from '../manifest/installation-manifest.ts';
import { quote } from '../manifest/quote.ts';
import type { Manifest } from '../manifest/schema.ts';
import { PvmcError } from '../system/error.ts';
import type { Progress } from '../system/progress.ts';
import { APT_FAILED, type AptFolder, queryApt, updateIndexes, withAptFolder } from './apt.ts';
import { installFailure } from './apt-failures.ts';
import { type KeyReading, readKey } from './keys.ts';
import { packageProblems } from './package-names.ts';
import type { RepositoryProblem } from './problem.ts';
import { type PackageFile, type PackageRecord, parseRecords, parseUris } from './records.ts';
import { aptSourcesOf, aptSourcesText, DEBIAN_KEYRING } from './sources.ts';

export interface ResolveRequest {
  readonly manifest: Manifest;
  /** Where the manifest's relative paths start. */
  readonly manifestFolder: string;
  /** What the appliance needs beside the essential packages and the manifest's. */
  readonly extraPackages: readonly string[];
  readonly cacheFolder: string;
  /** Who signs the mirror and the security archive; Debian unless told. */
  readonly archiveKeyring?: string | undefined;
  /** How long a server may stay silent. */
  readonly timeoutSeconds?: number | undefined;
}

export interface Resolution {
  /** In the order in which they are to be unpacked. */
  readonly packages: readonly ResolvedPackage[];
  readonly totals: PackageTotals;
}

export interface PackageTotals {
  readonly packageCount: number;
  readonly downloadBytes: number;
  readonly installedBytes: number;
}

export type ResolutionOutcome =
  | { readonly kind: 'resolved'; readonly resolution: Resolution }
  /** The manifest asks for what the repository does not have. */
  | { readonly kind: 'problems'; readonly problems: readonly RepositoryProblem[] };

/** Resolves every `Essential: yes` and `Priority: required` package and the asked ones. */
export async function resolvePackages(
  request: ResolveRequest,
  progress: Progress,
): Promise<ResolutionOutcome> {
  const keys = await readExtraKeys(request);
  const problems = keys.flatMap((reading, index) => keyProblem(request.manifest, reading, index));
  if (problems.length > 0) return { kind: 'problems', problems };
  const sources = aptSourcesOf(request.manifest.repository, {
    archive: request.archiveKeyring ?? DEBIAN_KEYRING,
    extra: keys.flatMap((reading) => (reading.kind === 'key' ? [reading.armored] : [])),
  });
  const folder = {
    cacheFolder: request.cacheFolder,
    sourcesText: aptSourcesText(sources),
    timeoutSeconds: request.timeoutSeconds ?? SILENCE_SECONDS,
  };
  return withAptFolder(folder, progress, async (apt) => {
    await updateIndexes(apt, progress);
    return resolveInside(apt, request, progress);
  });
}

/** apt tries four times in all before it gives up. */
const SILENCE_SECONDS = 10;

function readExtraKeys({ manifest, manifestFolder }: ResolveRequest): Promise<KeyReading[]> {
  const { extra } = manifest.repository;
  return Promise.all(extra.map(({ key }) => readKey(resolvePath(manifestFolder, key))));
}

function keyProblem(manifest: Manifest, reading: KeyReading, index: number): RepositoryProblem[] {
  if (reading.kind === 'key') return [];
  const file = quote(manifest.repository.extra[index]?.key ?? '');
  return [
    {
      path: ['repository', 'extra', index, 'key'],
      message: `${file} cannot be the repository's key: ${reading.reason}`,
      hint: 'Put the public key that signs the repository (.asc or .gpg) beside the manifest.',
    },
  ];
}

async function resolveInside(
  apt: AptFolder,
  request: ResolveRequest,
  progress: Progress,
): Promise<ResolutionOutcome> {
  const problems = await packageProblems(apt, request.manifest.packages, progress);
  if (problems.length > 0) return { kind: 'problems', problems };
  const files = await packageFiles(apt, request, progress);
  const packages = await describe(apt, files, progress);
  return { kind: 'resolved', resolution: { packages, totals: totalsOf(packages) } };
}

/** What dpkg and the packages' own scripts take for granted (apt-patterns(7)). */
const BASE_PATTERNS = ['?essential', '?priority(required)'];

async function packageFiles(
  apt: AptFolder,
  { manifest, extraPackages }: ResolveRequest,
  progress: Progress,
): Promise<PackageFile[]> {
  const recommends = `APT::Install-Recommends=${manifest.recommends}`;
  const argv = ['apt-get', 'install', '-q', '--print-uris', '-o', recommends, '--'];
  const wanted = [...BASE_PATTERNS, ...extraPackages, ...manifest.packages];
  const result = await queryApt(apt, [...argv, ...wanted], progress);
  if (result.status === APT_FAILED) throw installFailure(result.stdout, result.stderr);
  return parseUris(result.stdout);
}

async function describe(
  apt: AptFolder,
  files: readonly PackageFile[],
  progress: Progress,
): Promise<ResolvedPackage[]> {
  const wanted = files.map(({ name, version }) => `${name}=${version}`);
  const { stdout } = await queryApt(apt, ['apt-cache', 'show', '--', ...wanted], progress);
  const records = new Map(parseRecords(stdout).map((record) => [record.get('SHA256'), record]));
  return files.map((file) => resolvedPackage(file, records.get(file.sha256)));
}

function resolvedPackage(file: PackageFile, record: PackageRecord | undefined): ResolvedPackage {
  if (!record) {
    throw new PvmcError({
      kind: 'repository',
      code: 'index-inconsistent',
      message: `the repository's index does not describe ${file.name} ${file.version}`,
      hint: 'Try again; if it stays so, the repository is broken.',
    });
  }
  const essential = record.get('Essential') === 'yes' || record.get('Priority') === 'required';
  // Installed-Size is in KiB (Debian policy, 5.6.20) and may be missing.
  const installedBytes = Number(record.get('Installed-Size') ?? 0) * 1024;
  return { ...file, installedBytes, essential };
}

function totalsOf(packages: readonly ResolvedPackage[]): PackageTotals {
  const sum = (sizes: readonly number[]) => sizes.reduce((total, size) => total + size, 0);
  return {
    packageCount: packages.length,
    downloadBytes: sum(packages.map(({ sizeBytes }) => sizeBytes)),
    installedBytes: sum(packages.map(({ installedBytes }) => installedBytes)),
  };
}
