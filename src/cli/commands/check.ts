/** `pvmc check`: everything wrong with a manifest, in one go. */
import type { Command } from 'commander';
import { PvmcError } from '../../system/error.ts';
import type { CheckReport } from '../program.ts';
import { examples, MANIFEST_ARGUMENT, type OpenSession } from './command.ts';

export function addCheck(root: Command, open: OpenSession): void {
  root
    .command('check')
    .summary('check a manifest and name every problem')
    .description(
      'Checks a manifest and what it names: files, keys, packages, sizes. Builds nothing.',
    )
    .argument(...MANIFEST_ARGUMENT)
    .option(
      '--offline',
      'leave out what needs the network: whether the repository has the packages',
    )
    .addHelpText(
      'after',
      examples([
        ['pvmc check', 'checks ./appliance.yaml'],
        ['pvmc check --offline examples/web', 'without asking the repository'],
      ]),
    )
    .action(async (manifest: string, flags: { readonly offline?: boolean }, command: Command) => {
      const session = open(command);
      const options = { offline: flags.offline === true, cacheFolder: session.cacheFolder() };
      const report = await session.watch({
        title: manifest,
        run: (emit, signal) =>
          session.program.checkManifest({ path: manifest, options, emit, signal }),
      });
      throwErrors(report, manifest);
      const { warnings } = sorted(report);
      const { style } = session;
      session.conclude(
        [
          ...warnings,
          `${style.good(style.marks.done)} ${report.appliance} ${report.version}, no problems`,
        ],
        'checked',
        report,
      );
    });
}

function throwErrors(report: CheckReport, path: string): void {
  const { errors, warnings } = sorted(report);
  const count = report.problems.filter(({ severity }) => severity === 'error').length;
  if (count === 0) return;
  throw new PvmcError({
    kind: 'manifest',
    code: 'manifest-invalid',
    message: `${path} has ${count === 1 ? 'a problem' : `${count} problems`}`,
    details: [...errors, ...warnings],
  });
}

function sorted({ problems }: CheckReport) {
  const of = (severity: 'error' | 'warning') =>
    problems.filter((problem) => problem.severity === severity).flatMap(({ lines }) => lines);
  return { errors: of('error'), warnings: of('warning') };
}
