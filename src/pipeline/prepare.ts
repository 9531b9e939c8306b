/**
 * From the user's manifest to what the medium carries: the manifest read and checked, what lies beside
 * it found, its packages resolved and pinned. Starts nothing and writes nothing but the cache.
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { guestProperties } from '../manifest/declared-properties.ts';
import {
  INSTALLATION_MANIFEST_VERSION,
  type InstallationManifest,
} from '../manifest/installation-manifest.ts';
import { type Payload, type PayloadContent, readPayload } from '../manifest/payload.ts';
import { type ManifestFile, manifestError, problemAt, readManifest } from '../manifest/read.ts';
import type { Manifest } from '../manifest/schema.ts';
import type { MediumFile } from '../media/iso.ts';
import { type Resolution, resolvePackages } from '../repository/resolve.ts';
import type { Progress } from '../system/progress.ts';
import { extraPackages } from './extra-packages.ts';
import { identifiersFor } from './identifiers.ts';
import { PVMC_VERSION } from './version.ts';

/** A manifest with all that it takes from beside it, checked as far as this computer alone can tell. */
export interface ReadAppliance {
  readonly file: ManifestFile;
  readonly payload: Payload;
}

/** Reads a manifest and what lies beside it. @throws ManifestError with all the problems. */
export async function readAppliance(path: string): Promise<ReadAppliance> {
  const file = await readManifest(path);
  const { payload, problems } = await readPayload(file);
  if (problems.length > 0) throw manifestError(file, problems);
  return { file, payload };
}

/**
 * Resolves the packages and checks what depends on them.
 * @throws ManifestError with all the problems; PvmcError when the repository is at fault.
 */
export async function resolveAppliance(
  { file, payload }: ReadAppliance,
  cacheFolder: string,
  progress: Progress,
): Promise<Resolution> {
  const { manifest } = file;
  const request = {
    manifest,
    payload,
    extraPackages: extraPackages(manifest),
    cacheFolder: join(cacheFolder, 'repositories'),
  };
  const outcome = await resolvePackages(request, progress);
  if (outcome.kind === 'resolved') return outcome.resolution;
  throw manifestError(
    file,
    outcome.problems.map((problem) => problemAt(file, problem)),
  );
}

/** The folder of the medium that the installation manifest and its payload lie in. */
const MEDIUM_FOLDER = 'pvmc';
export const CONSTRUCTOR_FILE = `${MEDIUM_FOLDER}/constructor.js`;
export const INSTALLATION_FILE = `${MEDIUM_FOLDER}/installation.json`;

/** What one medium carries besides the base: the installation manifest, its payload, the constructor. */
export function mediumFiles(
  { payload }: ReadAppliance,
  resolution: Resolution,
  { installation, constructorPath }: MediumContents,
): MediumFile[] {
  const place = (content: PayloadContent, path: string): MediumFile =>
    content.kind === 'inline'
      ? { path: `${MEDIUM_FOLDER}/${path}`, content: content.text }
      : { path: `${MEDIUM_FOLDER}/${path}`, hostPath: content.hostPath };
  return [
    { path: CONSTRUCTOR_FILE, hostPath: constructorPath },
    {
      path: INSTALLATION_FILE,
      content: `${JSON.stringify(installation, undefined, 1)}\n`,
    },
    ...payload.files.map(({ content }, index) => place(content, `files/${index}`)),
    ...payload.scripts.map(({ content }, index) => place(content, `scripts/${index}`)),
    ...resolution.sources.keyrings.map(({ armored }, index) => ({
      path: `${MEDIUM_FOLDER}/keyrings/${index}`,
      content: armored,
    })),
  ];
}

/** What the constructor is told: everything resolved, nothing left to choose. */
export function installationManifest(
  { file, payload }: ReadAppliance,
  resolution: Resolution,
  sourceDateEpoch: number,
): InstallationManifest {
  return {
    version: INSTALLATION_MANIFEST_VERSION,
    pvmc: PVMC_VERSION,
    appliance: withoutExportOptions(file.manifest),
    sourceDateEpoch,
    packages: resolution.packages,
    identifiers: identifiersFor(seedOf(file, resolution)),
    files: payload.files.map(({ path, owner, mode }, index) => ({
      path,
      owner,
      mode,
      payload: `files/${index}`,
    })),
    scripts: payload.scripts.map(({ name }, index) => ({ name, payload: `scripts/${index}` })),
    aptSources: {
      text: resolution.sources.text,
      keyrings: resolution.sources.keyrings.map(({ path }, index) => ({
        path,
        payload: `keyrings/${index}`,
      })),
    },
    properties: guestProperties(file.manifest),
  };
}

/** Who signs the exports, and how large they may be, is nothing that the medium has to know, or to be made anew for. */
function withoutExportOptions(manifest: Manifest): Manifest {
  return { ...manifest, budget: undefined, signature: undefined };
}

export interface MediumContents {
  readonly installation: InstallationManifest;
  /** The guest's bundle. */
  readonly constructorPath: string;
}

/** What makes an appliance this one: its name, its version, and every package file. */
function seedOf({ manifest }: ManifestFile, { packages }: Resolution): string {
  const hash = createHash('sha256');
  for (const { sha256 } of packages) hash.update(sha256);
  return `${manifest.name} ${manifest.version} ${hash.digest('hex')}`;
}
