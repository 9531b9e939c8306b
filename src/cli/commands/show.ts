/** `pvmc show`: one build, what was done, what is left of it, and what takes the space in it. */
import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { ShownBuild } from '../../pipeline/build-space.ts';
import type { BuildReport } from '../../pipeline/kept-builds.ts';
import { formatDuration, formatSize } from '../../system/size.ts';
import { formatAge } from '../amounts.ts';
import type { Session } from '../session.ts';
import { wrap } from '../text.ts';
import { markOf } from './builds.ts';
import { BUILD_ARGUMENT, examples, type OpenSession, OUTPUT_OPTION } from './command.ts';
import { spaceLines } from './space-lines.ts';

export function addShow(root: Command, open: OpenSession): void {
  root
    .command('show')
    .summary('tell of one build: its stages, its failure, what takes space')
    .description(
      'Tells of one build: what each stage did, why it failed, what is kept of it, and which packages ' +
        'and folders take the space in the appliance. Its disk is read without mounting it.',
    )
    .argument(...BUILD_ARGUMENT)
    .option(...OUTPUT_OPTION)
    .addHelpText(
      'after',
      examples([
        ['pvmc show', 'the latest build'],
        ['pvmc show hello-1.0.0-2026', 'the one whose name begins like this'],
        ['pvmc show --json | jq .space.packages', 'what each package takes, to a program'],
      ]),
    )
    .action(async (given: string, flags: { readonly output: string }, command: Command) => {
      const session = open(command);
      const outputFolder = resolve(session.workingFolder, flags.output);
      const report = await session.watch({
        title: 'show',
        run: (emit, signal) => session.program.showBuild({ outputFolder, given, emit, signal }),
      });
      session.conclude(renderReport(report, session), 'build', report);
    });
}

function renderReport(report: ShownBuild, session: Session): string[] {
  const { style, shorten } = session;
  const fact = (name: string, value: string) => `  ${style.dim(name.padEnd(12))}${value}`;
  return [
    `${markOf(report.state, style)} ${style.bold(report.build)}  ${report.state}, ${formatAge(report.ageSeconds)}`,
    '',
    fact('manifest', shorten(report.manifestPath)),
    fact('folder', shorten(report.folder)),
    fact('size', formatSize(report.sizeBytes)),
    ...spaced(renderStages(report, session)),
    ...spaced(renderFailure(report, session)),
    ...spaced(report.space ? spaceLines(report.space) : []),
    ...spaced(report.kept.map(({ path, sizeBytes }) => fact(formatSize(sizeBytes), shorten(path)))),
  ];
}

function spaced(lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : ['', ...lines];
}

function renderStages({ stages }: BuildReport, { style }: Session): string[] {
  return Object.entries(stages).flatMap(([name, stage]) => {
    if (stage === undefined) return [];
    const how = stage.from === undefined ? formatDuration(stage.seconds) : `as in ${stage.from}`;
    return [
      `  ${style.good(style.marks.done)} ${name.padEnd(10)} ${how}  ${style.dim(stage.result)}`,
    ];
  });
}

function renderFailure({ failure }: BuildReport, { style, lineWidth }: Session): string[] {
  if (failure === undefined) return [];
  const { code, message, stage, step } = failure;
  const where = [stage, step].filter((part) => part !== undefined).join(', step ');
  const said = `${where === '' ? '' : `${where}: `}${message} (${code})`;
  return wrap(said, lineWidth - 4).map((line, index) =>
    index === 0 ? `  ${style.bad(style.marks.failed)} ${line}` : `    ${line}`,
  );
}
