/**
 * Reading a manifest: one YAML file, checked against the schema. All its problems are reported at
 * once; whoever finds further ones later (a package that the repository lacks) reports them with the
 * same lines and carets through `manifestError`.
 */
import { readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { messageOf, PvmcError, systemCodeOf } from '../system/error.ts';
import { formatSize } from '../system/size.ts';
import { type ManifestDocument, type Path, type Place, readDocument } from './document.ts';
import { problemsOf, sentence } from './issues.ts';
import { ManifestError, type ManifestProblem, type Position } from './problem.ts';
import { type Manifest, manifestSchema } from './schema.ts';

/** The manifest's name in an appliance's folder. */
export const MANIFEST_FILE = 'appliance.yaml';

const MOST_BYTES = 2 ** 20;

export interface ManifestFile {
  /** As it was asked for: relative paths stay relative. */
  readonly path: string;
  /** The folder that the manifest's own paths are relative to. */
  readonly folder: string;
  readonly text: string;
  readonly manifest: Manifest;
  /** Where a value is written, or the nearest thing above it that is. */
  readonly positionOf: (path: Path, place?: Place) => Position;
}

/** What is wrong at a place of the manifest that the schema had nothing against. */
export interface Finding {
  /** E.g. `['packages', 3]`. */
  readonly path: Path;
  /** The value unless said otherwise. */
  readonly place?: Place;
  readonly message: string;
  readonly hint?: string | undefined;
}

/**
 * Reads and checks a manifest. A folder means its appliance.yaml.
 * Throws a PvmcError of the kind `manifest`: `manifest-missing`, `manifest-unreadable`, or a
 * ManifestError (`manifest-invalid`) with every problem of the file.
 */
export async function readManifest(path: string): Promise<ManifestFile> {
  const file = await manifestPath(path);
  return parseManifest(file, await readBounded(file));
}

/** The same for a manifest whose bytes are at hand. */
export function parseManifest(path: string, bytes: Uint8Array): ManifestFile {
  const { text, problems, document } = readDocument(bytes);
  if (!document) throw new ManifestError(path, text, problems);
  const result = manifestSchema.safeParse(document.value);
  const issues = result.success ? [] : problemsOf(result.error.issues, document);
  if (!result.success || problems.length > 0) {
    throw new ManifestError(path, text, [...problems, ...issues]);
  }
  return manifestFile({ path, text, manifest: result.data, document });
}

function manifestFile(read: {
  readonly path: string;
  readonly text: string;
  readonly manifest: Manifest;
  readonly document: ManifestDocument;
}): ManifestFile {
  const { path, text, manifest, document } = read;
  return { path, folder: dirname(path), text, manifest, positionOf: document.positionOf };
}

/** A problem at the place of a finding; the message begins with where it is, e.g. `packages[3]: …`. */
export function problemAt(file: ManifestFile, finding: Finding): ManifestProblem {
  const { path, place, message, hint } = finding;
  return { ...file.positionOf(path, place), message: sentence(path, message), hint };
}

/** The error that shows all the problems with their lines. */
export function manifestError(
  file: ManifestFile,
  problems: readonly ManifestProblem[],
): ManifestError {
  return new ManifestError(file.path, file.text, problems);
}

async function manifestPath(path: string): Promise<string> {
  const found = await look(path);
  if (found === undefined) throw missing(`there is no ${path || '""'}`);
  if (!found.isDirectory()) return path;
  const inside = join(path, MANIFEST_FILE);
  if ((await look(inside)) === undefined) {
    throw missing(`the folder ${path} has no ${MANIFEST_FILE}`);
  }
  return inside;
}

function missing(message: string): PvmcError {
  return new PvmcError({
    kind: 'manifest',
    code: 'manifest-missing',
    message,
    hint: `name a manifest, or a folder with an ${MANIFEST_FILE}; pvmc init FOLDER writes a first one`,
  });
}

async function look(path: string) {
  try {
    return await stat(path);
  } catch (error) {
    const code = systemCodeOf(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw unreadable(path, messageOf(error), error);
  }
}

function unreadable(path: string, reason: string, cause?: unknown): PvmcError {
  return new PvmcError({
    kind: 'manifest',
    code: 'manifest-unreadable',
    message: `${path} cannot be read as a manifest: ${reason}`,
    cause,
  });
}

/** Nothing but a file of sensible size is read: a pipe could wait for ever, a device never end. */
async function readBounded(path: string): Promise<Uint8Array> {
  try {
    const found = await stat(path);
    if (!found.isFile()) throw unreadable(path, 'it is no regular file');
    if (found.size > MOST_BYTES) {
      throw unreadable(path, `it has ${formatSize(found.size)}; a manifest has at most 1 MiB`);
    }
    return await readFile(path);
  } catch (error) {
    throw error instanceof PvmcError ? error : unreadable(path, messageOf(error), error);
  }
}
