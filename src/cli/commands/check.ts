/** `pvmc check`: everything wrong with a manifest, in one go. */
import type { Command } from 'commander';
import type { CheckReport } from '../../pipeline/check.ts';
import { counted } from '../../system/counted.ts';
import { formatSize } from '../../system/size.ts';
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
      const { style } = session;
      const { appliance, version, packages } = report;
      session.conclude(
        [
          `${style.good(style.marks.done)} ${appliance} ${version}, no problems${packageNote(packages)}`,
        ],
        'checked',
        report,
      );
    });
}

function packageNote(packages: CheckReport['packages']): string {
  if (packages === undefined) return '; the repository was not asked';
  return `; ${counted(packages.count, 'package')} of ${formatSize(packages.downloadBytes)} to fetch`;
}
