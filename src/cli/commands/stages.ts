/** `pvmc stages`: the names of the stages and steps, for `--from`, `--until` and `--timeout`. */
import type { Command } from 'commander';
import type { ListedStage } from '../../pipeline/listed-stages.ts';
import type { Session } from '../session.ts';
import { examples, type OpenSession } from './command.ts';

export function addStages(root: Command, open: OpenSession): void {
  root
    .command('stages')
    .summary('list the stages of a build, and the steps of construct')
    .description(
      'Lists the stages of a build in order, and the steps of those that have some. The names are those ' +
        'that --from, --until and --timeout take.',
    )
    .addHelpText(
      'after',
      examples([
        ['pvmc stages', 'the names, in order'],
        ['pvmc stages --json', 'the same for a program'],
      ]),
    )
    .action((_flags: object, command: Command) => {
      const session = open(command);
      const stages = session.program.listedStages();
      session.conclude(renderStages(stages, session), 'stages', { stages });
    });
}

function renderStages(stages: readonly ListedStage[], { style }: Session): string[] {
  return stages.flatMap(({ name, title, where, steps }, index) => [
    `${index + 1} ${style.bold(name.padEnd(10))} ${title}  ${style.dim(where)}`,
    ...steps.map((step) => `    ${step.name.padEnd(11)} ${style.dim(step.title)}`),
  ]);
}
