/** `pvmc doctor`: whether a build can run on this computer, and what cures what it cannot. */
import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { Diagnosis } from '../../pipeline/doctor.ts';
import { cureLines, notReady } from '../../preflight/diagnose.ts';
import type { CheckResult, Finding, FindingState } from '../../preflight/finding.ts';
import type { Session } from '../session.ts';
import { pad, printable, widthOf, wrap } from '../text.ts';
import { examples, type OpenSession } from './command.ts';

export function addDoctor(root: Command, open: OpenSession): void {
  root
    .command('doctor')
    .summary('look whether a build can run on this computer')
    .description(
      'Looks at everything on this computer that a build needs: programs, virtualization, room, memory, ' +
        'clock, repositories. Names the command that cures each problem. Makes and installs nothing.',
    )
    .argument('[manifest]', 'a manifest whose build is meant; without it, any')
    .option('-o, --output <folder>', 'where the appliance would be written', 'out')
    .addHelpText(
      'after',
      examples([
        ['pvmc doctor', 'whether builds can run here at all'],
        ['pvmc doctor examples/web', 'whether that one can: its memory, disk and repositories'],
        ['pvmc doctor --json', 'the same for a program'],
      ]),
    )
    .action(
      async (
        manifest: string | undefined,
        flags: { readonly output: string },
        command: Command,
      ) => {
        const session = open(command);
        const diagnosis = await session.watch({
          title: 'doctor',
          run: (_emit, signal) =>
            session.program.diagnoseComputer(
              {
                manifestPath: manifest,
                outputFolder: resolve(session.workingFolder, flags.output),
                cacheFolder: session.cacheFolder(),
              },
              signal,
            ),
        });
        session.conclude(renderDiagnosis(diagnosis, session), 'diagnosis', diagnosis);
        const error = notReady(diagnosis.checks, 'told');
        if (error) throw error;
      },
    );
}

type Frame = Pick<Session, 'style' | 'lineWidth'>;

export function renderDiagnosis({ ready, checks }: Diagnosis, frame: Frame): string[] {
  const { style } = frame;
  const width = Math.max(0, ...checks.map(({ name }) => widthOf(name)));
  const states = checks.flatMap(({ findings }) => findings.map(({ state }) => state));
  const warnings = states.filter((state) => state === 'warning').length;
  const lines = checks.flatMap((check) => checkLines(check, width, frame));
  if (!ready) return lines;
  const but =
    warnings === 0 ? '' : `, with ${warnings === 1 ? 'a warning' : `${warnings} warnings`}`;
  return [...lines, '', `${style.good(style.marks.done)} builds can run here${but}`];
}

/** Its name only once, beside the first of its findings. */
function checkLines({ name, findings }: CheckResult, width: number, frame: Frame): string[] {
  return findings.flatMap((found, index) =>
    findingLines(found, pad(index === 0 ? name : '', width), frame),
  );
}

function findingLines({ state, finding, cure }: Finding, name: string, frame: Frame): string[] {
  const { style, lineWidth } = frame;
  const indent = ' '.repeat(widthOf(name) + 6);
  const said = wrap(printable(finding), lineWidth - indent.length);
  const todo = cureLines(cure).flatMap((line) =>
    // A command is to be copied whole.
    line.startsWith('$ ') ? [style.accent(line)] : wrap(line, lineWidth - indent.length),
  );
  return [
    `  ${markOf(state, frame)} ${name}  ${said[0] ?? ''}`,
    ...[...said.slice(1), ...todo].map((line) => indent + line),
  ];
}

function markOf(state: FindingState, { style }: Frame): string {
  const { good, warning, bad, dim, marks } = style;
  const shown = {
    ok: good(marks.done),
    warning: warning(marks.notice),
    problem: bad(marks.failed),
    absent: dim(marks.pending),
  };
  return shown[state];
}
