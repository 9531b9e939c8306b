/**
 * Writes a file anew without what can be mended: members in their order in a strict ustar, a manifest that is
 * right, disks that are streams with an end. Whatever would have to be guessed stays as it is, and where
 * nobody knows what the right file would be, nothing is written. The result is looked at before it gets its
 * name.
 */
import { chmod, copyFile, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { quoted } from '../appliance/broken.ts';
import { findManifest } from '../appliance/ova/digests.ts';
import { isDigests, type PackageFile, piecesOf, readWhole } from '../appliance/ova/members.ts';
import { checkMember, LONGEST_NAME_BYTES } from '../appliance/ova/ustar.ts';
import { type OvaPart, writeOva } from '../appliance/ova/writer.ts';
import type { Descriptor } from '../appliance/ovf/schema.ts';
import { explainingFailures, PartialFile } from '../appliance/partial-file.ts';
import { readDescriptor } from '../appliance/read-ova.ts';
import { rewrittenVmdk } from '../appliance/vmdk/rewrite.ts';
import { PvmcError } from '../system/error.ts';
import type { Progress } from '../system/progress.ts';
import { descriptorEditor } from './descriptor-editor.ts';
import { findingLine } from './finding-line.ts';
import type { Finding } from './findings.ts';
import { type LintReport, lintFile } from './lint.ts';
import { openArchive, openFile, openFolder, type Package } from './package.ts';
import { plainNameOf } from './plain-name.ts';

export interface RepairReport {
  readonly before: LintReport;
  /** What was mended. */
  readonly repaired: readonly Finding[];
  /** Files that were left out, since they would no longer be true: a signature over another manifest. */
  readonly dropped: readonly string[];
  /** Of the new file; of the old one when there was nothing to mend. */
  readonly after: LintReport;
}

export interface RepairRequest {
  readonly path: string;
  /** May be the same file. */
  readonly outputPath: string;
}

/** @throws PvmcError `lint-not-repairable`, `output-exists`, `output-full`, …, and what `lintFile` throws */
export async function repairFile(
  { path, outputPath }: RepairRequest,
  progress: Progress,
): Promise<RepairReport> {
  const before = await lintFile(path, progress);
  refuseHopeless(before);
  const repaired = before.findings.filter(({ repair }) => repair === 'yes');
  const nothing = { before, repaired, dropped: [], after: before };
  if (repaired.length === 0 && path === outputPath) return nothing;
  // Whoever may not read the one is not to read the other.
  const mode = (await stat(path)).mode & 0o777;
  await using partial = new PartialFile(outputPath, (mode & 0o666) | 0o600);
  const { dropped } = await write(partial, before, progress);
  const kind = before.kind === 'vmdk' ? 'vmdk' : 'ova';
  const written = await lintFile(partial.path, progress, { kind, name: basename(outputPath) });
  const after = { ...written, path: outputPath };
  refuseWorse(before, after);
  if (path === outputPath) {
    await explainingFailures(outputPath, () => chmod(partial.path, mode));
    await partial.finish('replaced');
  } else {
    await partial.finish('kept');
  }
  return { before, repaired, dropped, after };
}

async function write(
  partial: PartialFile,
  before: LintReport,
  progress: Progress,
): Promise<{ readonly dropped: readonly string[] }> {
  const { path, kind, findings } = before;
  const isRight = findings.every(({ repair }) => repair !== 'yes');
  if (isRight && kind !== 'ovf') {
    await partial.write(async () => {});
    await copyFile(path, partial.path);
    await partial.sync();
    return { dropped: [] };
  }
  if (kind === 'vmdk') {
    await writeDisk(partial, path, progress);
    return { dropped: [] };
  }
  await using whole = await (kind === 'ovf' ? openFolder(path) : openArchive(path, () => {}));
  return await writePackage(partial, { whole, findings }, progress);
}

async function writeDisk(partial: PartialFile, path: string, progress: Progress): Promise<void> {
  const source = await openFile(path);
  try {
    await partial.write(async (file) => {
      const pieces = rewrittenVmdk(source, basename(partial.finalPath), progress);
      for await (const piece of pieces) await file.appendFile(piece);
    });
  } finally {
    await source.file.close();
  }
}

interface Work {
  readonly whole: Package;
  readonly findings: readonly Finding[];
}

async function writePackage(partial: PartialFile, { whole, findings }: Work, progress: Progress) {
  const { files, members } = whole;
  refuseLongNames(files);
  using descriptor = await readDescriptor(files);
  const editor = descriptorEditor(descriptor);
  const { references } = editor;
  const parts = partsOf({ descriptor, references }, { whole, findings }, progress);
  const base = plainNameOf(descriptor.name).replace(/\.ovf$/i, '');
  const names = { descriptor: `${base}.ovf`, digests: `${base}.mf` };
  const source = files.find(({ name }) => name === descriptor.name);
  const bytes = source ? await readWhole(source) : Buffer.alloc(0);
  const isEdited = findings.some(({ rule }) => EDITS.has(rule.name)) || parts.rewritten;
  const isPlain = !bytes.includes(0) && Buffer.from(descriptor.text).equals(bytes);
  if (isEdited && !isPlain) throw foreignText(descriptor.name);
  const isChanged = isEdited || touchesDigests(findings) || names.descriptor !== descriptor.name;
  const kept = isChanged ? undefined : await keptDigests(files);
  const seconds = members?.find(({ name }) => name === descriptor.name)?.header.seconds ?? 0;
  await partial.write((file) =>
    writeOva(file, {
      names,
      sourceDateEpoch: seconds,
      descriptor: (sizes) => (isEdited ? editor.edited(sizes) : bytes),
      files: parts.list,
      kept,
    }),
  );
  return { dropped: kept ? [] : droppedNames(files) };
}

/** A signature over another manifest, and manifests beside the one. */
function droppedNames(files: readonly PackageFile[]): readonly string[] {
  const manifest = findManifest(files, () => {});
  return files.filter((one) => isDigests(one.name) && one !== manifest).map(({ name }) => name);
}

/** Rules whose repair changes the descriptor. */
const EDITS: ReadonlySet<string> = new Set(['file-size', 'member-in-folder', 'units-old']);

/** The files of the package but descriptor, manifest and certificate, in the order of the references. */
function partsOf(
  {
    descriptor,
    references,
  }: { readonly descriptor: Descriptor; readonly references: readonly string[] },
  { whole, findings }: Work,
  progress: Progress,
) {
  const isBroken = (file: PackageFile) =>
    findings.some(
      ({ rule, place, repair }) =>
        place.member === file.name && repair === 'yes' && rule.number.startsWith('L4'),
    );
  const place = ({ name }: PackageFile) => {
    const index = references.indexOf(name);
    return index < 0 ? references.length : index;
  };
  const others = whole.files
    .filter(({ name }) => name !== descriptor.name && !name.endsWith('.ovf') && !isDigests(name))
    .toSorted((one, other) => place(one) - place(other));
  refuseUnclearNames(others);
  const list = others.map((file): OvaPart => {
    const name = plainNameOf(file.name);
    if (isBroken(file)) return { name, content: rewrittenVmdk(file, name, progress) };
    // Known before gigabytes are copied.
    checkMember({ name, sizeBytes: file.sizeBytes });
    return { name, content: piecesOf(file, progress.signal) };
  });
  return { list, rewritten: others.some(isBroken) };
}

/** Without their folders, names may be the same, or none. */
function refuseUnclearNames(files: readonly PackageFile[]): void {
  const names = files.map(({ name }) => plainNameOf(name));
  const unclear = files.filter(
    (_, index) => /^\.|^$/.test(names[index] ?? '') || names.indexOf(names[index] ?? '') < index,
  );
  if (unclear.length === 0) return;
  throw new PvmcError({
    kind: 'input',
    code: 'lint-not-repairable',
    message: 'without their folders, files would have no name of their own. Nothing was written',
    details: unclear.map(({ name }) => quoted(name)),
    hint: 'Rename them, also in the descriptor.',
  });
}

/** What a pax header has told is longer than the one form that every importer takes has room for. */
function refuseLongNames(files: readonly PackageFile[]): void {
  const long = files.filter(
    ({ name }) => Buffer.byteLength(plainNameOf(name)) > LONGEST_NAME_BYTES,
  );
  if (long.length === 0) return;
  throw new PvmcError({
    kind: 'input',
    code: 'lint-not-repairable',
    message: `files have names of more than the ${LONGEST_NAME_BYTES} bytes that an OVA allows. Nothing was written`,
    details: long.map(({ name }) => quoted(name)),
    hint: 'Rename them, also in the descriptor.',
  });
}

function touchesDigests(findings: readonly Finding[]): boolean {
  return findings.some(({ rule, repair }) => repair === 'yes' && rule.number.startsWith('L2'));
}

/** Manifest and certificate as they are: a signature stays true. */
async function keptDigests(files: readonly PackageFile[]) {
  const kept = ['.mf', '.cert'].flatMap((ending) =>
    files.filter(({ name }) => name.endsWith(ending)),
  );
  return Promise.all(kept.map(async (one) => ({ name: one.name, bytes: await readWhole(one) })));
}

function refuseHopeless({ path, findings }: LintReport): void {
  const hopeless = findings.filter(({ repair }) => repair === 'prevents');
  if (hopeless.length === 0) return;
  throw new PvmcError({
    kind: 'input',
    code: 'lint-not-repairable',
    message: `${path} cannot be repaired: what would have to be there is not known. Nothing was written`,
    details: hopeless.map(findingLine),
    hint: '`pvmc lint` without `--fix` tells what to do about each.',
  });
}

function foreignText(name: string): PvmcError {
  return new PvmcError({
    kind: 'input',
    code: 'lint-not-repairable',
    message: `${quoted(name)} is not in plain UTF-8, so nothing in it is changed. Nothing was written`,
    hint: 'Convert it with `iconv -t utf-8`, without a byte order mark.',
  });
}

/** As an OVA can hold less than an OVF names, or where a text is not found again to be changed. */
function refuseWorse(before: LintReport, after: LintReport): void {
  const known = new Set(before.findings.map(({ rule }) => rule.name));
  const fresh = after.findings.filter(
    ({ rule }) => rule.severity === 'error' && !known.has(rule.name),
  );
  if (fresh.length === 0) return;
  throw new PvmcError({
    kind: 'input',
    code: 'lint-not-repairable',
    message: `${before.path} cannot be repaired: the new file would have errors that this one has not. Nothing was written`,
    details: fresh.map(findingLine),
    hint: 'Mend by hand what `pvmc lint` tells of it, without `--fix`.',
  });
}
