/** `pvmc schema`: the manifest's JSON Schema, for editors. */
import type { Command } from 'commander';
import { examples, type OpenSession } from './command.ts';

export function addSchema(root: Command, open: OpenSession): void {
  root
    .command('schema')
    .summary("print the manifest's JSON Schema, for editors")
    .description('Prints the JSON Schema of appliance.yaml, which editors check and complete with.')
    .addHelpText(
      'after',
      examples([
        [
          'pvmc schema > appliance.schema.json',
          'for "# yaml-language-server: $schema=appliance.schema.json"',
        ],
      ]),
    )
    .action((_flags: object, command: Command) => {
      const session = open(command);
      const schema = session.program.manifestJsonSchema();
      session.write(`${JSON.stringify(schema, null, 2)}\n`);
    });
}
