/**
 * Tells what is wrong with an appliance: an OVA, an OVF with its files beside it, or a VMDK, ours or
 * anybody's. The readers report what they meet, the rules look for the rest. Nothing is changed, and memory
 * does not grow with the file.
 */
import { type Report, reporting } from '../appliance/broken.ts';
import { compareDigests } from '../appliance/ova/digests.ts';
import { isDescriptor, type PackageFile, readExactly } from '../appliance/ova/members.ts';
import {
  diskItems,
  diskOf,
  memoryOf,
  processorsOf,
  virtualSystems,
} from '../appliance/ovf/facts.ts';
import { validateDescriptor } from '../appliance/ovf/schema.ts';
import { checkReferences, openForReading, readDescriptor } from '../appliance/read-ova.ts';
import { checkSignature } from '../appliance/signature/check-signature.ts';
import type { Progress } from '../system/progress.ts';
import { type Finding, Findings } from './findings.ts';
import { lintDisk } from './lint-disk.ts';
import { openArchive, openFile, openFolder, type Package } from './package.ts';
import { ARCHIVE_RULES } from './rules/archive.ts';
import { DESCRIPTOR_RULES } from './rules/descriptor.ts';
import { MANIFEST_RULES } from './rules/manifest.ts';
import { check } from './run-rules.ts';

export type LintedKind = 'ova' | 'ovf' | 'vmdk';

export interface LintReport {
  readonly path: string;
  readonly kind: LintedKind;
  /** The names of the files that were looked at. */
  readonly files: readonly string[];
  readonly findings: readonly Finding[];
}

/** For a file that has not got its name yet. */
export interface Known {
  readonly kind: LintedKind;
  readonly name: string;
}

/** @throws PvmcError `file-missing`, `ova-unreadable`: what stands in the file is never thrown. */
export async function lintFile(
  path: string,
  progress: Progress,
  known?: Known,
): Promise<LintReport> {
  const kind = known?.kind ?? (await kindOf(path));
  const findings = new Findings();
  if (kind === 'vmdk') {
    const opened = await openFile(path);
    const file = { ...opened, name: known?.name ?? opened.name };
    try {
      await lintDisk({ file, capacityBytes: undefined, isAlone: true }, findings, progress);
      return { path, kind, files: [file.name], findings: findings.all() };
    } finally {
      await file.file.close();
    }
  }
  const opened =
    kind === 'ovf' ? openFolder(path) : openArchive(path, (fault) => findings.addFault(fault));
  await using whole = await opened;
  await lintPackage(whole, findings, progress);
  const files = whole.files.map(({ name }) => name);
  return { path, kind, files, findings: findings.all() };
}

/** By the ending; a file with another is a VMDK if it begins like one, else it should be an OVA. */
export async function kindOf(path: string): Promise<LintedKind> {
  if (isDescriptor(path)) return 'ovf';
  if (/\.vmdk$/i.test(path)) return 'vmdk';
  const file = await openForReading(path);
  try {
    const { size } = await file.stat();
    const magic = size < 4 ? '' : (await readExactly(file, 0, 4)).toString('latin1');
    return magic === 'KDMV' ? 'vmdk' : 'ova';
  } finally {
    await file.close();
  }
}

/** More are no appliance, but work for whoever follows each reference. */
const MOST_MACHINES = 64;
const MOST_DISKS = 64;

interface FoundDisk {
  readonly file: PackageFile;
  readonly capacityBytes: number;
}

async function lintPackage(
  { files, members }: Package,
  findings: Findings,
  progress: Progress,
): Promise<void> {
  if (files.length === 0) return;
  const { references, disks } = await lintDescriptor(files, findings);
  if (members) check(ARCHIVE_RULES, { members, references }, findings);
  await lintManifest(files, findings, progress);
  for (const disk of disks) {
    await lintDisk({ ...disk, isAlone: false }, findings, progress);
  }
  judgeDigests(disks, findings);
}

async function lintManifest(
  files: readonly PackageFile[],
  findings: Findings,
  progress: Progress,
): Promise<void> {
  const report: Report = (fault) => findings.addFault(fault);
  const { name, digests } = await compareDigests(files, progress, report);
  check(MANIFEST_RULES, { name, digests, files }, findings);
  const signature = await checkSignature(files, report);
  for (const { name: rule, message } of signature?.concerns ?? []) {
    findings.add(rule, { message, place: { member: signature?.name } });
  }
}

async function lintDescriptor(files: readonly PackageFile[], findings: Findings) {
  const report: Report = (fault) => findings.addFault(fault);
  const nothing = { references: [], disks: [] };
  if (!files.some(({ name }) => isDescriptor(name))) return nothing;
  const read = await reporting(report, () => readDescriptor(files));
  if (!read) return nothing;
  using descriptor = read;
  const references = checkReferences(descriptor, files, report).map(({ name }) => name);
  const disks: FoundDisk[] = [];
  for (const system of virtualSystems(descriptor).slice(0, MOST_MACHINES)) {
    await reporting(report, () => memoryOf(descriptor, system));
    await reporting(report, () => processorsOf(descriptor, system));
    for (const item of diskItems(system).slice(0, MOST_DISKS)) {
      const facts = await reporting(report, () => diskOf(descriptor, item));
      const file = files.find(({ name }) => name === facts?.fileName);
      const isKnown = disks.some((one) => one.file === file);
      if (facts && file && !isKnown) disks.push({ file, capacityBytes: facts.capacityBytes });
    }
  }
  check(DESCRIPTOR_RULES, { descriptor, files }, findings);
  // Last, as it takes the vendors' elements out.
  await reporting(report, () => validateDescriptor(descriptor));
  return { references, disks };
}

/**
 * A digest that is wrong may be written anew only where the file proves itself: a descriptor by being valid, a
 * disk by the checksums of its grains. Of any other file nobody knows whether it is damaged.
 */
function judgeDigests(disks: readonly FoundDisk[], findings: Findings): void {
  const all = findings.all();
  for (const finding of all) {
    if (finding.rule.name !== 'digest-wrong') continue;
    const { member } = finding.place;
    const proves = isDescriptor(member ?? '') || disks.some(({ file }) => file.name === member);
    const isWhole = !all.some(
      (one) => one !== finding && one.place.member === member && castsDoubt(one),
    );
    if (proves && isWhole) findings.decide(finding, 'yes');
  }
}

/** Whether a file of which this was found may be damaged. A disk that is not compressed has no checksums. */
function castsDoubt({ rule: { name, number, severity }, repair }: Finding): boolean {
  if (repair === 'prevents' || name === 'schema') return true;
  return number.startsWith('L4') && severity === 'error' && !DOUBTLESS.has(name);
}

/** What qemu-img and old tools write of a disk whose grains all have been inflated. */
const DOUBTLESS: ReadonlySet<string> = new Set([
  'vmdk-version-old',
  'vmdk-create-type',
  'vmdk-footer-missing',
  'vmdk-end-missing',
]);
