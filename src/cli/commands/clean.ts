/** `pvmc clean`: removes builds. */
import { resolve } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { CleanReport } from '../../pipeline/clean.ts';
import { parseDuration } from '../../system/duration.ts';
import { formatSize, parseSize } from '../../system/size.ts';
import type { Session } from '../session.ts';
import { countOf } from './builds.ts';
import { examples, type OpenSession, OUTPUT_OPTION } from './command.ts';

interface CleanFlags {
  readonly output: string;
  readonly olderThan?: number;
  readonly downTo?: number;
  readonly all?: true;
  readonly dryRun?: true;
}

export function addClean(root: Command, open: OpenSession): void {
  root
    .command('clean')
    .summary('remove builds by name, age or size')
    .description(
      'Removes builds, and what pvmc verify has left, with all that is in their folders: logs, disks, pictures. ' +
        'Exports and ISOs in the output folder stay, and so does whatever runs.',
    )
    .argument('[builds...]', 'names of builds or their beginnings, or "latest"')
    .option(...OUTPUT_OPTION)
    .addOption(
      new Option('--older-than <duration>', 'builds that began longer ago: 12h, 7d').argParser(age),
    )
    .addOption(
      new Option('--down-to <size>', 'the oldest, until all take no more: 20GiB').argParser(room),
    )
    .option('--all', 'all builds')
    .option('--dry-run', 'tell what would be removed, and remove nothing')
    .addHelpText(
      'after',
      examples([
        ['pvmc clean --older-than 7d', 'what nobody has looked at for a week'],
        ['pvmc clean --down-to 20GiB --dry-run', 'what would have to go'],
        ['pvmc clean latest', 'the latest build'],
      ]),
    )
    .action(async (builds: readonly string[], flags: CleanFlags, command: Command) => {
      const session = open(command);
      const report = await session.watch({
        title: 'clean',
        run: (_emit, signal) =>
          session.program.cleanBuilds(
            {
              outputFolder: resolve(session.workingFolder, flags.output),
              builds,
              olderThanSeconds: flags.olderThan,
              downToBytes: flags.downTo,
              selection: flags.all ? 'all' : 'named',
              action: flags.dryRun ? 'tell' : 'remove',
            },
            signal,
          ),
      });
      session.conclude(renderClean(report, flags, session), 'cleaned', report);
    });
}

function renderClean(
  { removed, running, freedBytes }: CleanReport,
  { dryRun }: CleanFlags,
  { style }: Session,
): string[] {
  const what = dryRun ? 'would be removed' : 'removed';
  return [
    ...removed.map(({ build, sizeBytes }) => `  ${build}  ${style.dim(formatSize(sizeBytes))}`),
    ...running.map(({ build }) => `  ${build}  ${style.warning('is running, and stays')}`),
    removed.length === 0
      ? 'Nothing to remove.'
      : `${countOf(removed)} ${what}, ${formatSize(freedBytes)}`,
  ];
}

function age(text: string): number {
  const seconds = parseDuration(text);
  if (seconds === undefined)
    throw new InvalidArgumentError('Write the duration as 90m, 12h or 7d.');
  return seconds;
}

function room(text: string): number {
  const bytes = parseSize(text);
  if (bytes === undefined) throw new InvalidArgumentError('Write the size as 500MiB or 20GiB.');
  return bytes;
}
