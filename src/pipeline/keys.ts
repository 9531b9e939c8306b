/**
 * The keys of a build's stages: for each, the SHA-256 of everything that goes into it, our own code
 * included. A stage with the key of one that was finished before need not be done again.
 */
import { createHash } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { diskKey, installKey } from '../manifest/input-keys.ts';
import type { InstallationManifest } from '../manifest/installation-manifest.ts';
import type { Manifest } from '../manifest/schema.ts';
import type { MediumFile } from '../media/iso.ts';
import { sha256Of } from '../system/sha256.ts';
import { CONSTRUCTOR_FILE, INSTALLATION_FILE, type ReadAppliance } from './prepare.ts';

export interface StageKeys {
  readonly media: string;
  /** Of the checkpoint within construct. */
  readonly install: string;
  /** The guest's part of it: what it says when it offers the checkpoint. */
  readonly installed: string;
  readonly construct: string;
  readonly export: string;
}

export interface KeyIngredients {
  /** Of the medium's base. */
  readonly baseId: string;
  /** The machine's; an appliance that is to be built in one is not taken from another. */
  readonly hypervisor: string;
  readonly volumeId: string;
  readonly installation: InstallationManifest;
  readonly mediumFiles: readonly MediumFile[];
  /** The fingerprint of the certificate that the exports are signed with; nothing of its key. */
  readonly signedBy?: string | undefined;
  readonly signal: AbortSignal;
}

/** The keys of all stages but verify, which are known before any of them has begun. */
export async function stageKeys(ingredients: KeyIngredients): Promise<StageKeys> {
  const { baseId, hypervisor, volumeId, installation, mediumFiles } = ingredients;
  const digests = await contentDigests(ingredients);
  const program = await programDigest();
  const installed = installKey(installation);
  const system = [baseId, digests.get(CONSTRUCTOR_FILE)];
  const payload = mediumFiles
    .map(({ path }) => path)
    .filter((path) => path !== INSTALLATION_FILE)
    .map((path) => [path, digests.get(path)]);
  const construct = keyOf('construct', hypervisor, system, payload, diskKey(installation));
  return {
    media: keyOf('media', program, baseId, volumeId, installation.sourceDateEpoch, [...digests]),
    install: keyOf('install', system, installed),
    installed,
    construct,
    export: keyOf('export', construct, program, described(installation), ingredients.signedBy),
  };
}

export interface GivenIngredients {
  /** Of the medium. */
  readonly sha256: string;
  readonly hypervisor: string;
  readonly manifest: Manifest;
  readonly sourceDateEpoch: number;
  readonly signedBy?: string | undefined;
}

/** The keys of a build whose medium was made elsewhere: nothing is known of what is on it. */
export async function givenMediumKeys(ingredients: GivenIngredients): Promise<StageKeys> {
  const { sha256, hypervisor, manifest: appliance, sourceDateEpoch } = ingredients;
  const construct = keyOf('construct', hypervisor, sha256);
  const said = described({ appliance, sourceDateEpoch });
  return {
    media: keyOf('given medium', sha256),
    install: keyOf('install', sha256),
    // Only the medium knows, so its checkpoints are not taken.
    installed: '',
    construct,
    export: keyOf('export', construct, await programDigest(), said, ingredients.signedBy),
  };
}

/** The digest of a manifest, of all that it takes from beside it, and of the program that reads it. */
export async function inputsDigest(
  { file, payload }: ReadAppliance,
  signal: AbortSignal,
): Promise<string> {
  const contents = [...payload.files, ...payload.scripts].map(({ content }) => content);
  const paths = [
    ...contents.flatMap((content) => (content.kind === 'file' ? [content.hostPath] : [])),
    ...payload.keys.map(({ hostPath }) => hostPath),
  ];
  const digests: string[] = [];
  for (const path of paths) digests.push(await sha256Of(path, signal));
  return keyOf('inputs', await programDigest(), file.text, payload, digests);
}

/** Of verify; `exported` are the digests of the exports. */
export async function verifyKey(
  exported: readonly string[],
  hypervisor: string,
  { checks, machine }: Manifest,
): Promise<string> {
  return keyOf('verify', exported, hypervisor, checks, machine, await programDigest());
}

/** What the files that users receive say of the appliance. */
function described({
  appliance,
  sourceDateEpoch,
}: Pick<InstallationManifest, 'appliance' | 'sourceDateEpoch'>) {
  const { name, version, description, vendor, machine, exports, properties } = appliance;
  return { name, version, description, vendor, machine, exports, properties, sourceDateEpoch };
}

/** The digest of each of the medium's files, by its path there. */
async function contentDigests({
  mediumFiles,
  signal,
}: KeyIngredients): Promise<ReadonlyMap<string, string>> {
  const digests = new Map<string, string>();
  for (const file of mediumFiles) {
    const digest =
      'content' in file
        ? createHash('sha256').update(file.content).digest('hex')
        : await sha256Of(file.hostPath, signal);
    digests.set(file.path, digest);
  }
  return digests;
}

/** Of the running program, whose every change may change what it exports. */
function programDigest(): Promise<string> {
  return sha256Of(fileURLToPath(import.meta.url), new AbortController().signal);
}

/** `undefined` and a missing property are the same. */
function keyOf(...ingredients: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(ingredients)).digest('hex');
}
