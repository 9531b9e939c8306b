/** `pvmc diff`: what changed between two appliances, short first. */
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { PAGE_BYTES } from '../../contents/byte-source.ts';
import {
  type ApplianceDifference,
  type ChangedFile,
  isDifferent,
} from '../../contents/compare/compare.ts';
import type { KeyChange } from '../../contents/compare/keys.ts';
import type { FileEntry } from '../../contents/file-system.ts';
import type { DiffResult } from '../../pipeline/diff.ts';
import { formatSize } from '../../system/size.ts';
import { EXIT_DIFFERENT } from '../exit-status.ts';
import type { Session } from '../session.ts';
import { printable, truncate } from '../text.ts';
import { examples, type OpenSession, OUTPUT_OPTION } from './command.ts';

interface DiffFlags {
  readonly output: string;
  readonly all?: boolean;
}

const APPLIANCE =
  'an OVA, an OVF, a Vagrant box, a disk (VMDK, qcow2, raw, zst, VHD, VHDX, VDI), or a build';

export function addDiff(root: Command, open: OpenSession): void {
  root
    .command('diff')
    .summary('tell what changed between two appliances')
    .description(
      'Compares two appliances of pvmc or of any other tool: packages, files, sizes, descriptor keys, ' +
        'the partition table. Nothing is started and nothing mounted. Ends with status 0 when they ' +
        'are the same, 1 when they differ.',
    )
    .argument('<old>', APPLIANCE)
    .argument('<new>', 'another one')
    .option(...OUTPUT_OPTION)
    .option('--all', 'list everything, however much it is')
    .addHelpText(
      'after',
      examples([
        ['pvmc diff hello-1.0.0.ova hello-1.0.1.ova', 'tells what an update brings'],
        ['pvmc diff old.box new.box', 'the same for Vagrant boxes'],
        ['pvmc diff hello-1.0.0-2026 latest', 'compares two builds in out'],
        ['pvmc diff --json a.ova b.ova | jq .packages', 'gives the changed packages to a program'],
      ]),
    )
    .action(async (old: string, now: string, ...rest: [DiffFlags, Command]) => {
      const [flags, command] = rest;
      const session = open(command);
      const { workingFolder } = session;
      const outputFolder = resolve(workingFolder, flags.output);
      const given = { old, new: now, workingFolder, outputFolder };
      const result = await session.watch({
        title: 'diff',
        run: (emit, signal) => session.program.diffAppliances({ ...given, emit, signal }),
      });
      const { difference, paths } = result;
      const different = isDifferent(difference);
      session.conclude(reportLines(result, session, flags.all === true), 'compared', {
        old: { path: paths.old, ...difference.old },
        new: { path: paths.new, ...difference.new },
        ...plainDifference(difference),
        different,
      });
      if (different) session.exitStatus = EXIT_DIFFERENT;
    });
}

/** The differences as `--json` has them. */
function plainDifference(difference: ApplianceDifference) {
  const { identical, packages, files, descriptor, diskDescription, partitions, members } =
    difference;
  return {
    identical,
    packages,
    files: files.map((file) => ({
      ...file,
      old: file.old && plainEntry(file.old),
      new: file.new && plainEntry(file.new),
    })),
    descriptor,
    diskDescription,
    partitions,
    members,
    differingDiskBytes: difference.differingPages * PAGE_BYTES,
  };
}

function plainEntry(entry: FileEntry) {
  const { type, mode, owner, sizeBytes, modifiedSeconds, target, device, attributes } = entry;
  return { type, mode, owner, sizeBytes, modifiedSeconds, target, device, attributes };
}

/** Changes of one kind, as they are counted and listed. */
interface Section {
  readonly title: string;
  readonly count: number;
  readonly lines: readonly string[];
  /** What stands behind the title. */
  readonly summary?: string;
}

function reportLines({ difference, paths }: DiffResult, session: Session, all: boolean): string[] {
  const { style, shorten } = session;
  const [old, now] = [paths.old, paths.new].map((path) => printable(shorten(path)));
  const names = `${old} ${ARROW} ${now}`;
  if (difference.identical) {
    const size = formatSize(difference.new.fileBytes);
    return [`${style.good(style.marks.done)} ${names}`, `  identical to the bit, ${size}`];
  }
  const sections = sectionsOf(difference, session).filter(({ count }) => count > 0);
  const title = style.bold(names);
  if (!isDifferent(difference)) {
    const kinds = `${difference.old.kind} and ${difference.new.kind}`;
    return [`${style.good(style.marks.done)} ${title}`, `  ${kinds} with the same disk`];
  }
  const counted = sections.map(({ title: name, count }) => `${name} ${count}`).join(', ');
  return [
    title,
    `  ${counted === '' ? 'nothing that has a name' : counted}`,
    ...sections.flatMap((section) => sectionLines(section, session, all)),
    '',
    ...sizeLines(difference, session),
  ];
}

const ARROW = '->';
/** More is not read on a screen. */
const MOST_LINES = 15;

function sectionLines({ title, lines, summary }: Section, session: Session, all: boolean) {
  const { style, lineWidth } = session;
  const shown = all ? lines : lines.slice(0, MOST_LINES);
  const left = lines.length - shown.length;
  return [
    '',
    `${style.bold(title)}${summary === undefined ? '' : style.dim(`  ${summary}`)}`,
    ...shown.map((line) => (all ? `  ${line}` : truncate(`  ${line}`, lineWidth))),
    ...(left > 0 ? [style.dim(`  and ${left} more (--all)`)] : []),
  ];
}

function sectionsOf(difference: ApplianceDifference, session: Session): Section[] {
  const { packages, descriptor, diskDescription, partitions, members } = difference;
  return [
    {
      title: 'packages',
      count: packages.length,
      lines: packages.map(
        (one) => `${markOf(one, session)} ${printable(one.name)}  ${valuesOf(one)}`,
      ),
    },
    ...fileSections(difference, session),
    keySection('descriptor', descriptor, session),
    keySection('disk description', diskDescription, session),
    keySection('partitions', partitions, session),
    keySection('package files', members, session),
  ];
}

function keySection(title: string, changes: readonly KeyChange[], session: Session): Section {
  const lines = changes.map(
    (one) => `${markOf(one, session)} ${printable(one.key)}  ${valuesOf(one)}`,
  );
  return { title, count: changes.length, lines };
}

/** Files of changed packages are what such a change means; the others are what one looks for. */
function fileSections({ files, packages }: ApplianceDifference, session: Session): Section[] {
  const changed = new Set(packages.map(({ name }) => name));
  const isOnlyTime = ({ aspects }: ChangedFile) => aspects.length === 1 && aspects[0] === 'time';
  const onlyTime = files.filter(isOnlyTime);
  const told = files.filter((one) => !isOnlyTime(one));
  const isOfThem = (one: ChangedFile) => one.package !== undefined && changed.has(one.package);
  const ofPackages = told.filter(isOfThem);
  const others = told.filter((one) => !isOfThem(one));
  const section = (title: string, some: readonly ChangedFile[]): Section => ({
    title,
    count: some.length,
    lines: some.map((one) => fileLine(one, session)),
    summary: tally(some),
  });
  return [
    section(ofPackages.length > 0 ? 'other files' : 'files', others),
    section('files of these packages', ofPackages),
    section('files of another time only', onlyTime),
  ];
}

function tally(files: readonly ChangedFile[]): string {
  const count = (change: ChangedFile['change']) =>
    files.filter((one) => one.change === change).length;
  return (['changed', 'added', 'removed'] as const)
    .map((change) => [count(change), change] as const)
    .filter(([number]) => number > 0)
    .map(([number, change]) => `${number} ${change}`)
    .join(', ');
}

function fileLine(file: ChangedFile, session: Session): string {
  const name = `${file.volume === '' ? '' : `${file.volume}:`}${file.path}`;
  const mark = markOf({ old: file.old && 'there', new: file.new && 'there' }, session);
  return `${mark} ${printable(name)}  ${session.style.dim(printable(fileWords(file)))}`;
}

function fileWords({ old, new: now, aspects }: ChangedFile): string {
  if (old && now) {
    return aspects
      .filter((one) => one !== 'time' || aspects.length === 1)
      .map((aspect) => aspectWords(aspect, old, now))
      .join(', ');
  }
  const one = now ?? old;
  if (!one) return '';
  if (one.type === 'link') return `link to ${one.target ?? ''}`;
  return one.type === 'file' ? formatSize(one.sizeBytes) : one.type;
}

function aspectWords(aspect: ChangedFile['aspects'][number], old: FileEntry, now: FileEntry) {
  const change = (from: string, to: string) => `${from} ${ARROW} ${to}`;
  switch (aspect) {
    case 'content':
      return old.sizeBytes === now.sizeBytes
        ? `content, ${formatSize(now.sizeBytes)} as before`
        : `content, ${change(exactSize(old.sizeBytes), exactSize(now.sizeBytes))}`;
    case 'mode':
      return `mode ${change(octal(old.mode), octal(now.mode))}`;
    case 'owner':
      return `owner ${change(old.owner ?? '', now.owner ?? '')}`;
    case 'type':
      return change(old.type, now.type);
    case 'target':
      return `link to ${change(old.target ?? '', now.target ?? '')}`;
    case 'device':
      return `device ${change(old.device ?? '', now.device ?? '')}`;
    case 'attributes':
      return `extended attributes ${change(attributeNames(old), attributeNames(now))}`;
    case 'time':
      return `time ${change(timeWords(old), timeWords(now))}`;
  }
}

/** Two sizes that are told apart, even when they are nearly the same. */
function exactSize(bytes: number): string {
  return bytes < 2 ** 20 ? `${bytes} B` : formatSize(bytes);
}

function octal(mode: number | undefined): string {
  return (mode ?? 0).toString(8).padStart(4, '0');
}

function attributeNames({ attributes }: FileEntry): string {
  return Object.keys(attributes).join(' ') || 'none';
}

function timeWords({ modifiedSeconds }: FileEntry): string {
  const date = new Date(modifiedSeconds * 1000);
  return Number.isNaN(date.getTime()) ? String(modifiedSeconds) : date.toISOString().slice(0, 19);
}

function sizeLines({ old, new: now, differingPages }: ApplianceDifference, session: Session) {
  const { style } = session;
  const row = (name: string, [from, to]: readonly [number, number]) =>
    `  ${name.padEnd(14)}${formatSize(from).padStart(9)} ${ARROW} ${formatSize(to).padStart(9)}  ${delta(to - from)}`;
  const folders = [...new Set([...Object.keys(old.folders), ...Object.keys(now.folders)])].sort();
  const changed = folders
    .map((name) => [name, old.folders[name] ?? 0, now.folders[name] ?? 0] as const)
    .filter(([, from, to]) => from !== to)
    .sort((a, b) => Math.abs(b[2] - b[1]) - Math.abs(a[2] - a[1]))
    .slice(0, MOST_LINES);
  return [
    style.bold('sizes'),
    row('file', [old.fileBytes, now.fileBytes]),
    row('disk', [old.diskBytes, now.diskBytes]),
    row('files on it', [old.usedBytes, now.usedBytes]),
    ...changed.map(([name, from, to]) => row(`  ${printable(name)}`, [from, to])),
    `  ${formatSize(differingPages * PAGE_BYTES)} of the disk differ`,
  ];
}

function delta(bytes: number): string {
  if (bytes === 0) return '';
  return `${bytes > 0 ? '+' : '-'}${formatSize(Math.abs(bytes))}`;
}

interface Values {
  readonly old: string | undefined;
  readonly new: string | undefined;
}

function markOf({ old, new: now }: Values, { style }: Session): string {
  if (old === undefined) return style.good('+');
  return now === undefined ? style.bad('-') : style.warning('~');
}

function valuesOf({ old, new: now }: Values): string {
  const shown = (value: string) => (value === '' ? '""' : printable(value.replaceAll(/\s+/g, ' ')));
  if (old === undefined || now === undefined) return shown(old ?? now ?? '');
  return `${shown(old)} ${ARROW} ${shown(now)}`;
}
