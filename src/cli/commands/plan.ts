/** `pvmc plan`: what a build would do, stage by stage. Nothing is built. */
import type { Command } from 'commander';
import type { Plan, PlannedPartition } from '../../pipeline/plan.ts';
import { formatSize } from '../../system/size.ts';
import type { Session } from '../session.ts';
import { pad, widthOf, wrap } from '../text.ts';
import { examples, MANIFEST_ARGUMENT, type OpenSession } from './command.ts';

export function addPlan(root: Command, open: OpenSession): void {
  root
    .command('plan')
    .summary('show what a build would do; nothing is built')
    .description(
      'Shows what a build would do, stage by stage and step by step, with the partition table. ' +
        'Nothing is built; only the package lists are fetched.',
    )
    .argument(...MANIFEST_ARGUMENT)
    .addHelpText(
      'after',
      examples([
        ['pvmc plan examples/hello', 'what pvmc build examples/hello would do'],
        ['pvmc plan --json examples/hello', 'the same for a program'],
      ]),
    )
    .action(async (manifest: string, _flags: object, command: Command) => {
      const session = open(command);
      const options = { cacheFolder: session.cacheFolder() };
      const plan = await session.watch({
        title: manifest,
        run: (emit, signal) => session.program.planBuild({ path: manifest, options, emit, signal }),
      });
      session.conclude(renderPlan(plan, session), 'plan', plan);
    });
}

export function renderPlan(
  { appliance, version, stages, partitions }: Plan,
  { style, lineWidth }: Pick<Session, 'style' | 'lineWidth'>,
): string[] {
  return [
    style.bold(`${appliance} ${version}`),
    ...stages.flatMap(({ title, steps }, index) => [
      '',
      style.bold(`${index + 1}. ${title}`),
      ...steps.flatMap((step) => [
        `   ${style.accent(style.marks.running)} ${step.title}`,
        ...step.details
          .flatMap((detail) => indented(detail, lineWidth))
          .map((line) => style.dim(line)),
      ]),
    ]),
    ...(partitions.length === 0
      ? []
      : ['', style.bold('Partition table (GPT)'), ...table(partitions)]),
  ];
}

/** Its first line by seven columns, what does not fit on it by nine. */
function indented(detail: string, lineWidth: number): string[] {
  return wrap(detail, lineWidth - 9).map(
    (line, index) => (index === 0 ? '       ' : '         ') + line,
  );
}

function table(partitions: readonly PlannedPartition[]): string[] {
  const rows = partitions.map(({ number, name, sizeBytes, content, mountPoint = '' }) => [
    String(number),
    name,
    formatSize(sizeBytes),
    content,
    mountPoint,
  ]);
  const widths = [0, 1, 2, 3, 4].map((column) =>
    Math.max(...rows.map((row) => widthOf(row[column] ?? ''))),
  );
  return rows.map((row) =>
    `   ${row.map((cell, column) => pad(cell, widths[column] ?? 0)).join('  ')}`.trimEnd(),
  );
}
