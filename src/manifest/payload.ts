/**
 * What goes from here into the appliance besides packages: files, scripts and repository keys, each
 * looked up and looked at before anything starts. Reads no more than it must: contents are copied
 * later, by whoever writes the medium.
 */
import { open, readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { messageOf } from '../system/error.ts';
import { type Found, findBeside, type HostFile } from './beside.ts';
import type { Path } from './document.ts';
import type { Complaint } from './field.ts';
import { publicKeyComplaint } from './openpgp.ts';
import type { ManifestProblem } from './problem.ts';
import { quote } from './quote.ts';
import { type ManifestFile, problemAt } from './read.ts';
import type { Manifest } from './schema.ts';

export type PayloadContent =
  | { readonly kind: 'inline'; readonly text: string }
  | { readonly kind: 'file'; readonly hostPath: string; readonly sizeBytes: number };

export interface FoundFile {
  /** In the appliance, absolute. */
  readonly path: string;
  readonly content: PayloadContent;
  /** user:group */
  readonly owner: string;
  /** Four octal digits. */
  readonly mode: string;
}

export interface FoundScript {
  readonly name: string;
  /** Begins with a #! line. */
  readonly content: PayloadContent;
}

export interface FoundKey {
  /** The repository's place in `repository.extra`. */
  readonly index: number;
  readonly hostPath: string;
}

export interface Payload {
  readonly files: readonly FoundFile[];
  readonly scripts: readonly FoundScript[];
  readonly keys: readonly FoundKey[];
  /** Of whoever signs the exports; it is not for the appliance. */
  readonly signature?: FoundSignature | undefined;
}

/** The private key is not looked at: what signs is asked for when something is to be signed. */
export interface FoundSignature {
  readonly certificatePath: string;
  readonly chainPath: string | undefined;
}

export interface PayloadReading {
  /** All that was found; whole only when there is no problem. */
  readonly payload: Payload;
  readonly problems: readonly ManifestProblem[];
}

/** Finds everything that the manifest takes from beside it. */
export async function readPayload(file: ManifestFile): Promise<PayloadReading> {
  const problems: ManifestProblem[] = [];
  const search: Search = {
    folder: file.folder,
    complain: (path, { message, hint }) => problems.push(problemAt(file, { path, message, hint })),
  };
  const { files, scripts, repository, signature } = file.manifest;
  const payload = {
    files: await findFiles(search, files),
    scripts: await findScripts(search, scripts),
    keys: await findKeys(search, repository.extra),
    signature: signature && (await findSignature(search, signature)),
  };
  return { payload, problems };
}

interface Search {
  readonly folder: string;
  readonly complain: (path: Path, complaint: Complaint) => void;
}

/** What the path leads to; undefined after complaining. */
async function find(
  search: Search,
  path: Path,
  source: string,
): Promise<Exclude<Found, { kind: 'nothing' }> | undefined> {
  const found = await findBeside(search.folder, source);
  if (found.kind !== 'nothing') return found;
  for (const complaint of found.complaints) search.complain(path, complaint);
  return undefined;
}

/** The same, where a folder is not wanted. */
async function findFile(search: Search, path: Path, source: string): Promise<HostFile | undefined> {
  const found = await find(search, path, source);
  if (found?.kind === 'file') return found.file;
  if (found) search.complain(path, { message: `${quote(source)} is a folder, not a file` });
  return undefined;
}

/** A file, and the entry of the manifest that it comes from. */
interface Listed {
  readonly index: number;
  readonly file: FoundFile;
}

async function findFiles(search: Search, files: Manifest['files']): Promise<FoundFile[]> {
  const listed: Listed[] = [];
  for (const [index, entry] of files.entries()) {
    for (const file of await findFilesOf(search, index, entry)) listed.push({ index, file });
  }
  complainOfClashes(search, listed);
  return listed.map(({ file }) => file);
}

/** Two entries that want the same path, or one a file where the other wants a folder. */
function complainOfClashes(search: Search, listed: readonly Listed[]): void {
  const taken = new Map(listed.toReversed().map(({ index, file }) => [file.path, index]));
  const clashing = new Set<number>();
  for (const { index, file } of listed) {
    const clash = [file.path, ...parentsOf(file.path)].find(
      (path) => taken.has(path) && taken.get(path) !== index,
    );
    if (clash === undefined || clashing.has(index)) continue;
    clashing.add(index);
    const message =
      clash === file.path
        ? `${quote(file.path)} comes from files[${taken.get(clash)}] too`
        : `${quote(file.path)} is below ${quote(clash)}, which files[${taken.get(clash)}] makes a file`;
    search.complain(['files', index, 'path'], { message });
  }
}

/** `/a` and `/a/b` of `/a/b/c` */
function parentsOf(path: string): string[] {
  const parts = path.split('/');
  return parts.slice(1, -1).map((_, index) => parts.slice(0, index + 2).join('/'));
}

async function findFilesOf(
  search: Search,
  index: number,
  { path, content, source, owner, mode }: Manifest['files'][number],
): Promise<FoundFile[]> {
  if (source === undefined) {
    const inline = { kind: 'inline', text: content ?? '' } as const;
    return [{ path, content: inline, owner, mode: fourDigits(mode ?? '0644') }];
  }
  const found = await find(search, ['files', index, 'source'], source);
  const files =
    found?.kind === 'folder'
      ? found.files.map((file) => ({ target: `${path}/${file.relativePath}`, file }))
      : found
        ? [{ target: path, file: found.file }]
        : [];
  return files.map(({ target, file }) => ({
    path: target,
    content: contentOf(file),
    owner,
    mode: fourDigits(mode ?? (file.isExecutable ? '0755' : '0644')),
  }));
}

function contentOf({ hostPath, sizeBytes }: HostFile): PayloadContent {
  return { kind: 'file', hostPath, sizeBytes };
}

function fourDigits(mode: string): string {
  return mode.padStart(4, '0');
}

async function findScripts(search: Search, scripts: Manifest['scripts']): Promise<FoundScript[]> {
  const found: FoundScript[] = [];
  for (const [index, { name, run, file }] of scripts.entries()) {
    if (run !== undefined) {
      const text = run.startsWith('#!') ? run : `#!/bin/sh -e\n${run}`;
      found.push({ name: name ?? `script ${index + 1}`, content: { kind: 'inline', text } });
    }
    if (file === undefined) continue;
    const path = ['scripts', index, 'file'];
    const script = await findFile(search, path, file);
    if (!script) continue;
    const complaint = await interpreterComplaint(file, script.hostPath);
    if (complaint) search.complain(path, complaint);
    else found.push({ name: name ?? basename(file), content: contentOf(script) });
  }
  return found;
}

/** Linux reads no more of a #! line. */
const LONGEST_INTERPRETER = 256;

async function interpreterComplaint(
  source: string,
  hostPath: string,
): Promise<Complaint | undefined> {
  const start = await readStart(hostPath, LONGEST_INTERPRETER);
  const line = start.split('\n')[0] ?? '';
  if (!/^#!\s*\//.test(line)) {
    return {
      message: `${quote(source)} does not begin with a #! line`,
      hint: 'write #!/bin/sh -e on its first line, say',
    };
  }
  return line.endsWith('\r')
    ? {
        message: `${quote(source)} has the line ends of Windows, which no interpreter understands`,
        hint: `convert it with: sed -i 's/\\r$//' ${basename(source)}`,
      }
    : undefined;
}

async function readStart(hostPath: string, bytes: number): Promise<string> {
  const handle = await open(hostPath);
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(bytes), 0, bytes, 0);
    return buffer.subarray(0, bytesRead).toString('latin1');
  } finally {
    await handle.close();
  }
}

async function findSignature(
  search: Search,
  { certificate, chain }: NonNullable<Manifest['signature']>,
): Promise<FoundSignature | undefined> {
  const found = await findFile(search, ['signature', 'certificate'], certificate);
  const others =
    chain === undefined ? undefined : await findFile(search, ['signature', 'chain'], chain);
  return found && { certificatePath: found.hostPath, chainPath: others?.hostPath };
}

/** Keyrings of whole distributions have some 100 KiB. */
const LARGEST_KEY_BYTES = 4 * 2 ** 20;

async function findKeys(
  search: Search,
  repositories: Manifest['repository']['extra'],
): Promise<FoundKey[]> {
  const found: FoundKey[] = [];
  for (const [index, { key }] of repositories.entries()) {
    const path = ['repository', 'extra', index, 'key'];
    const file = await findFile(search, path, key);
    if (!file) continue;
    const complaint = await keyComplaint(file);
    if (complaint) {
      search.complain(path, { ...complaint, message: `${quote(key)} ${complaint.message}` });
    } else {
      found.push({ index, hostPath: file.hostPath });
    }
  }
  return found;
}

async function keyComplaint({ hostPath, sizeBytes }: HostFile): Promise<Complaint | undefined> {
  if (sizeBytes > LARGEST_KEY_BYTES) return { message: 'is too large for a key' };
  try {
    return publicKeyComplaint(await readFile(hostPath));
  } catch (error) {
    return { message: `cannot be read: ${messageOf(error)}` };
  }
}
