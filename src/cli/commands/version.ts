/** `pvmc version`: what runs, for reports. */
import type { Command } from 'commander';
import { examples, type OpenSession } from './command.ts';

export function addVersion(root: Command, open: OpenSession): void {
  root
    .command('version')
    .summary('print the version, and what it runs on')
    .description('Prints the version of pvmc and of what it runs on, for reports.')
    .addHelpText('after', examples([['pvmc version --json', 'the same for a program']]))
    .action((_flags: object, command: Command) => {
      const session = open(command);
      const facts = {
        pvmc: session.program.version,
        node: process.version.slice(1),
        system: `${process.platform} ${process.arch}`,
      };
      session.conclude(
        Object.entries(facts).map(([name, value]) => `${name.padEnd(8)}${value}`),
        'version',
        facts,
      );
    });
}
