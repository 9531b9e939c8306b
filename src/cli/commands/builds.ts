/** `pvmc builds`: what builds there are. */
import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { KeptBuild, KeptVerification } from '../../pipeline/kept-builds.ts';
import type { BuildState } from '../../pipeline/record.ts';
import { counted } from '../../system/counted.ts';
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
      'Lists the builds of an output folder, and what pvmc verify has left there, the newest first: how ' +
        'they went, how old they are, and what room they take.',
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

function renderBuilds(
  builds: readonly (KeptBuild | KeptVerification)[],
  { style }: Session,
): string[] {
  if (builds.length === 0) return ['No builds yet.'];
  const columns = Math.max(...builds.map(({ build }) => build.length));
  const total = builds.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  return [
    ...builds.map(({ build, state, ageSeconds, sizeBytes }) => {
      const facts = `${formatAge(ageSeconds).padStart(10)}  ${formatSize(sizeBytes).padStart(8)}`;
      return `${markOf(state, style)} ${build.padEnd(columns)}  ${state.padEnd(11)} ${style.dim(facts)}`;
    }),
    '',
    style.dim(`${countOf(builds)}, ${formatSize(total)}`),
  ];
}

/** `2 builds, 1 verification`. */
export function countOf(kept: readonly (KeptBuild | KeptVerification)[]): string {
  const counts = (['build', 'verification'] as const).map((kind) => {
    const { length } = kept.filter((one) => one.kind === kind);
    return length === 0 ? [] : [counted(length, kind)];
  });
  return counts.flat().join(', ');
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
