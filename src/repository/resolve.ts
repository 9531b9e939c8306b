/**
 * From the names in a manifest to package files: which ones, in which order, from where, with which
 * SHA256. The host does this once, with apt's own resolver and signature checks; the guest then only
 * fetches what is listed, and neither guesses nor resolves.
 */
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import type { ResolvedPackage } from '../manifest/installation-manifest.ts';
import type { Payload } from '../manifest/payload.ts';
import type { Finding } from '../manifest/read.ts';
import type { Manifest } from '../manifest/schema.ts';
import { PvmcError } from '../system/error.ts';
import type { Progress } from '../system/progress.ts';
import { APT_FAILED, type AptFolder, queryApt, updateIndexes, withAptFolder } from './apt.ts';
import { installFailure } from './apt-failures.ts';
import { batchesOf } from './batches.ts';
import { diskProblems, spaceOf } from './disk.ts';
import { readArmoredKey } from './keys.ts';
import { packageProblems } from './package-names.ts';
import { type PackageFile, parseRecords, parseUris } from './records.ts';
import { ResolvedBefore } from './resolved-before.ts';
import { serviceProblems } from './services.ts';
import {
  type ApplianceSources,
  applianceSources,
  aptSourcesOf,
  aptSourcesText,
  DEBIAN_KEYRING,
} from './sources.ts';

export interface ResolveRequest {
  readonly manifest: Manifest;
  /** What the manifest takes from beside it: keys, and files that take room or hold services. */
  readonly payload: Payload;
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
  /** What the appliance's own apt gets. */
  readonly sources: ApplianceSources;
}

export interface PackageTotals {
  readonly packageCount: number;
  readonly downloadBytes: number;
  readonly installedBytes: number;
}

export type ResolutionOutcome =
  | { readonly kind: 'resolved'; readonly resolution: Resolution }
  /** The manifest asks for what the repository does not have. */
  | { readonly kind: 'problems'; readonly problems: readonly Finding[] };

/**
 * Resolves every `Essential: yes` and `Priority: required` package and the asked ones, then checks
 * what of the manifest depends on them: its services, and the size of its disk.
 * @throws PvmcError of kind `repository` when the repository is at fault.
 */
export async function resolvePackages(
  request: ResolveRequest,
  progress: Progress,
): Promise<ResolutionOutcome> {
  const armoredKeys = await readKeys(request.payload);
  const archive = request.archiveKeyring ?? DEBIAN_KEYRING;
  await needKeyring(archive);
  const keys = { archive, extra: armoredKeys };
  const folder = {
    cacheFolder: request.cacheFolder,
    sourcesText: aptSourcesText(aptSourcesOf(request.manifest.repository, keys)),
    timeoutSeconds: request.timeoutSeconds ?? SILENCE_SECONDS,
  };
  return withAptFolder(folder, progress, async (apt) => {
    await updateIndexes(apt, progress);
    const { packages: asked, recommends } = request.manifest;
    const before = await ResolvedBefore.of(apt, [asked, recommends, request.extraPackages]);
    let packages = await before.read();
    if (!packages) {
      const missing = await packageProblems(apt, asked, progress);
      if (missing.length > 0) return { kind: 'problems', problems: missing };
      const files = await packageFiles(apt, request, progress);
      packages = await before.keep(await describe(apt, files, progress));
    }
    const resolution = resolutionWith(armoredKeys, packages, request.manifest);
    const problems = [
      ...(await serviceProblems(apt, { ...request, packages }, progress)),
      ...diskProblems(request.manifest.machine.disk, spaceOf(resolution.totals, request.payload)),
    ];
    if (problems.length > 0) return { kind: 'problems', problems };
    return { kind: 'resolved', resolution };
  });
}

/** The resolution whose packages were kept by an earlier run: the repository is not asked again. */
export async function resolutionOf(
  packages: readonly ResolvedPackage[],
  { manifest, payload }: Pick<ResolveRequest, 'manifest' | 'payload'>,
): Promise<Resolution> {
  return resolutionWith(await readKeys(payload), packages, manifest);
}

function readKeys({ keys }: Payload): Promise<string[]> {
  return Promise.all(keys.map(({ hostPath }) => readArmoredKey(hostPath)));
}

function resolutionWith(
  armoredKeys: readonly string[],
  packages: readonly ResolvedPackage[],
  { repository }: Manifest,
): Resolution {
  const sources = applianceSources(repository, armoredKeys);
  return { packages, totals: totalsOf(packages), sources };
}

/** Without it apt would only say that the signature is wrong. */
async function needKeyring(path: string): Promise<void> {
  try {
    await access(path, constants.R_OK);
  } catch (thrown) {
    throw new PvmcError({
      kind: 'host',
      code: 'keyring-missing',
      message: `${path}, which holds the keys of Debian's archive, cannot be read`,
      hint: 'Install the package debian-archive-keyring.',
      cause: thrown,
    });
  }
}

/** apt tries four times in all before it gives up. */
const SILENCE_SECONDS = 10;

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
  const bySha256 = new Map(parseRecords(stdout).map((record) => [record.get('SHA256'), record]));
  const records = files.map((file) => bySha256.get(file.sha256) ?? throwUndescribed(file));
  const batches = batchesOf(records);
  return files.map((file, index) => ({
    ...file,
    // In KiB (Debian policy, 5.6.20), and optional.
    installedBytes: Number(records[index]?.get('Installed-Size') ?? 0) * 1024,
    batch: batches.get(file.name) ?? 0,
  }));
}

function throwUndescribed(file: PackageFile): never {
  throw new PvmcError({
    kind: 'repository',
    code: 'index-inconsistent',
    message: `the repository's index does not describe ${file.name} ${file.version}`,
    hint: 'Try again; if it stays so, the repository is broken.',
  });
}

function totalsOf(packages: readonly ResolvedPackage[]): PackageTotals {
  const sum = (sizes: readonly number[]) => sizes.reduce((total, size) => total + size, 0);
  return {
    packageCount: packages.length,
    downloadBytes: sum(packages.map(({ sizeBytes }) => sizeBytes)),
    installedBytes: sum(packages.map(({ installedBytes }) => installedBytes)),
  };
}
