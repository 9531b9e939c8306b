/**
 * `pvmc sign`: gives an OVA, or an OVF with its files beside it, a signature over its manifest. Nothing else of it
 * changes, not a bit: the disk was sealed by the manifest's digests, which are compared first.
 */
import { createHash } from 'node:crypto';
import { chmod, type FileHandle, realpath, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { Fault, refuse } from '../appliance/broken.ts';
import { checksumName, checksumText } from '../appliance/checksums.ts';
import { compareDigests, findManifest } from '../appliance/ova/digests.ts';
import {
  isDescriptor,
  type OvaMember,
  type PackageFile,
  piecesOf,
  readWhole,
} from '../appliance/ova/members.ts';
import { BLOCK_BYTES, blocksOf, encodeMember } from '../appliance/ova/ustar.ts';
import { explainingFailures, outputExists, PartialFile } from '../appliance/partial-file.ts';
import { openOva } from '../appliance/read-ova.ts';
import { decodeSignature, signatureName } from '../appliance/signature/certificate-file.ts';
import { type CheckedSignature, checkSignature } from '../appliance/signature/check-signature.ts';
import { isOpenToOthers } from '../appliance/signature/key-file.ts';
import {
  openSigner,
  type Signer,
  type SigningRequest,
  signManifest,
} from '../appliance/signature/signer.ts';
import { openFolder } from '../lint/package.ts';
import { PvmcError } from '../system/error.ts';
import { isThere } from '../system/is-there.ts';
import type { Progress } from '../system/progress.ts';
import type { FileRequest } from './events.ts';
import { noticingProgress } from './noticing-progress.ts';

export interface SignOptions {
  readonly signing: SigningRequest;
  /** Absolute. An OVA is changed in its place without; an OVF's signature has its place beside it. */
  readonly outputPath?: string | undefined;
}

export interface SignResult {
  /** The OVA that is signed now, or the signature beside the OVF. */
  readonly path: string;
  readonly kind: 'ova' | 'ovf';
  readonly signature: CheckedSignature;
  /** Whether another signature was there. */
  readonly replaced: boolean;
  /** Of the OVA. */
  readonly sha256: string | undefined;
}

/** @throws PvmcError when the package, the certificate or the key is not as it should be: nothing is written then */
export async function signFile(request: FileRequest<SignOptions>): Promise<SignResult> {
  const { path, options, emit, signal } = request;
  const notice = (line: string) => emit({ type: 'notice', line });
  const log = (line: string, origin = 'pvmc') => emit({ type: 'log', origin, line });
  const progress = { ...noticingProgress(emit, signal), notice, log };
  const { key } = options.signing;
  if (key.kind === 'file' && (await isOpenToOthers(key.path))) {
    notice(`Others on this computer can read the key ${key.path}: chmod 600 it.`);
  }
  const signer = await openSigner(options.signing, progress);
  // A link stays one: the file that it leads to is meant.
  const file = await realpath(path).catch(() => resolve(path));
  const work = { path: file, outputPath: options.outputPath, signer };
  return isDescriptor(file) ? signFolder(work, progress) : signArchive(work, progress);
}

interface Work {
  readonly path: string;
  readonly outputPath: string | undefined;
  readonly signer: Signer;
}

async function signFolder({ path, outputPath, signer }: Work, progress: Progress) {
  if (outputPath !== undefined) throw onlyBeside();
  await using whole = await openFolder(path);
  const manifest = await readManifest(whole.files, progress);
  const signaturePath = join(dirname(path), signatureName(manifest.name));
  const replaced = await isThere(signaturePath);
  if (replaced) await requireSignature(whole.files, signaturePath);
  const { bytes } = await signManifest(signer, manifest, progress);
  await using partial = new PartialFile(signaturePath);
  await partial.write((file) => file.writeFile(bytes));
  await partial.finish();
  await renewDigest(signaturePath, createHash('sha256').update(bytes).digest('hex'));
  await using signed = await openFolder(path);
  const signature = await found(signed.files);
  const kind = 'ovf' as const;
  return { path: signaturePath, kind, signature, replaced, sha256: undefined };
}

async function signArchive(work: Work, progress: Progress): Promise<SignResult> {
  const { path, signer } = work;
  const outputPath = work.outputPath ?? path;
  const inPlace = outputPath === path;
  if (!inPlace && (await isThere(outputPath))) throw outputExists(outputPath);
  await using ova = await openOva(path);
  const manifest = await readManifest(ova.members, progress);
  const signed = await signManifest(signer, manifest, progress);
  const { mode } = await stat(path);
  // Whoever may not read the one is not to read the other.
  await using partial = new PartialFile(outputPath, (mode & 0o666) | 0o600);
  const pieces = splice({ members: ova.members, sizeBytes: ova.sizeBytes, signed }, progress);
  const hash = createHash('sha256');
  await partial.write((file) => writePieces(file, pieces, hash));
  const signature = await checkWritten(partial.path);
  if (inPlace) await explainingFailures(outputPath, () => chmod(partial.path, mode & 0o777));
  await partial.finish(inPlace ? 'replaced' : 'kept');
  const sha256 = hash.digest('hex');
  if (inPlace) await renewDigest(outputPath, sha256);
  const replaced = ova.members.some(({ name }) => name === signed.name);
  return { path: outputPath, kind: 'ova', signature, replaced, sha256 };
}

async function checkWritten(path: string): Promise<CheckedSignature> {
  await using ova = await openOva(path);
  return await found(ova.members);
}

async function found(files: readonly PackageFile[]): Promise<CheckedSignature> {
  const signature = await checkSignature(files, refuse);
  if (!signature) throw new TypeError('the signature that was written is not found');
  return signature;
}

interface Spliced {
  readonly members: readonly OvaMember[];
  readonly sizeBytes: number;
  readonly signed: { readonly name: string; readonly bytes: Buffer };
}

/** The archive as it is, with the signature behind the manifest and without an older one. */
async function* splice(
  { members, sizeBytes, signed: { name, bytes } }: Spliced,
  { signal }: Progress,
): AsyncGenerator<Uint8Array> {
  const manifest = members.find((one) => signatureName(one.name) === name && one.name !== name);
  if (!manifest) throw new TypeError('the manifest is gone');
  const old = members.find((one) => one.name === name);
  const cuts = [
    { from: 0, to: endOf(manifest) },
    { from: endOf(manifest), to: sizeBytes },
  ];
  for (const [index, { from, to }] of cuts.entries()) {
    const isHere = old && old.headerOffset >= from && old.headerOffset < to;
    const parts = isHere
      ? [
          { from, to: old.headerOffset },
          { from: endOf(old), to },
        ]
      : [{ from, to }];
    for (const part of parts) {
      const range = { ...manifest, offset: part.from, sizeBytes: part.to - part.from };
      yield* piecesOf(range, signal);
    }
    if (index > 0) continue;
    yield encodeMember({ name, sizeBytes: bytes.length }, manifest.header.seconds);
    yield bytes;
    yield Buffer.alloc(blocksOf(bytes.length) * BLOCK_BYTES - bytes.length);
  }
}

function endOf({ offset, sizeBytes }: OvaMember): number {
  return offset + blocksOf(sizeBytes) * BLOCK_BYTES;
}

async function writePieces(
  file: FileHandle,
  pieces: AsyncIterable<Uint8Array>,
  hash: { readonly update: (bytes: Uint8Array) => unknown },
): Promise<void> {
  for await (const piece of pieces) {
    hash.update(piece);
    await file.appendFile(piece);
  }
}

/** The manifest, of which every file is what it says. */
async function readManifest(files: readonly PackageFile[], progress: Progress) {
  try {
    const { digests } = await compareDigests(files, progress, refuse);
    const other = digests.find(({ algorithm }) => algorithm !== 'SHA256');
    if (other) throw unsuited(`the manifest (.mf) has a digest that is ${other.algorithm}`);
  } catch (thrown) {
    if (!(thrown instanceof Fault)) throw thrown;
    const { code, message, details } = thrown;
    throw new PvmcError({ kind: 'input', code, message, details, hint: MEND });
  }
  const manifest = findManifest(files, refuse);
  if (!manifest) throw new TypeError('the manifest is gone');
  return { name: manifest.name, bytes: await readWhole(manifest) };
}

const MEND =
  'Nothing was signed. `pvmc lint` tells all that is wrong, and `pvmc lint --fix` writes a manifest that is right.';

function unsuited(message: string): PvmcError {
  return new PvmcError({ kind: 'input', code: 'sign-digests-unsuited', message, hint: MEND });
}

/** A file of that name that is no signature is somebody's. */
async function requireSignature(files: readonly PackageFile[], path: string): Promise<void> {
  const file = files.find(({ name }) => name === basename(path));
  try {
    decodeSignature(file ? (await readWhole(file)).toString('latin1') : '');
  } catch {
    throw outputExists(path);
  }
}

/** The digest that lies beside an export would be false. */
async function renewDigest(path: string, sha256: string): Promise<void> {
  const digestPath = checksumName(path);
  if (!(await isThere(digestPath))) return;
  await explainingFailures(digestPath, () => writeFile(digestPath, checksumText(path, sha256)));
}

function onlyBeside(): PvmcError {
  return new PvmcError({
    kind: 'usage',
    code: 'sign-output-unclear',
    message: 'the signature of an OVF lies beside it, and has its name',
    hint: 'Leave --output out, or pack it first: `pvmc lint --fix -o NAME.ova NAME.ovf`.',
  });
}
