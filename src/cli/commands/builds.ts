/** `pvmc builds`: what builds there are. */
import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { KeptBuild } from '../../pipeline/kept-builds.ts';
import type { BuildState } from '../../pipeline/record.ts';
import { formatSize } from '../../system/size.ts';
import { formatAge } from '../amounts.ts';
import type { Session } from '../session.ts';
import type { Style } from '../style.ts';
import { examples, type OpenSession, OUTPUT_OPTION } from './command.ts';

export function addBuilds(root: Command, open: OpenSession): void {
  root
    .command('builds')
    .summary('list the builds, their state, age and size')
    .description(
      'Lists the builds of an output folder, the newest first: how they went, how old they are, and ' +
        'what room they take.',
    )
    .option(...OUTPUT_OPTION)
    .addHelpText(
      'after',
      examples([
        ['pvmc builds', 'those in out/builds/'],
        ['pvmc builds -o /srv/images', 'those of another output folder'],
      ]),
    )
    .action(async (flags: { readonly output: string }, command: Command) => {
      const session = open(command);
      const outputFolder = resolve(session.workingFolder, flags.output);
      const builds = await session.program.keptBuilds(outputFolder);
      session.conclude(renderBuilds(builds, session), 'builds', { builds });
    });
}

function renderBuilds(builds: readonly KeptBuild[], { style }: Session): string[] {
  if (builds.length === 0) return ['No builds yet.'];
  const columns = Math.max(...builds.map(({ build }) => build.length));
  const total = builds.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  return [
    ...builds.map(({ build, state, ageSeconds, sizeBytes }) => {
      const facts = `${formatAge(ageSeconds).padStart(10)}  ${formatSize(sizeBytes).padStart(8)}`;
      return `${markOf(state, style)} ${build.padEnd(columns)}  ${state.padEnd(11)} ${style.dim(facts)}`;
    }),
    '',
    style.dim(`${builds.length} ${builds.length === 1 ? 'build' : 'builds'}, ${formatSize(total)}`),
  ];
}

export function markOf(state: BuildState, { marks, good, bad, warning, accent }: Style): string {
  const shown: Readonly<Record<BuildState, string>> = {
    running: accent(marks.running),
    succeeded: good(marks.done),
    stopped: warning(marks.notice),
    interrupted: warning(marks.notice),
    failed: bad(marks.failed),
  };
  return shown[state];
}
