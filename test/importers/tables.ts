/** What was run, as docs/importers.md has it: a table of outcomes, and the commands of each cell. */
import { EXPORT_FORMAT_NAMES } from '../../src/manifest/export-formats.ts';

export interface Result {
  readonly format: string;
  readonly importer: string;
  /** Of the program. */
  readonly version: string;
  readonly outcome: string;
  /** As they can be pasted into a shell. */
  readonly commands: readonly string[];
}

/** @param importers the columns that there can be, in their order */
export function tables(importers: readonly string[], results: readonly Result[]): string {
  const columns = importers.filter((name) => results.some(({ importer }) => importer === name));
  const find = (format: string, name: string) =>
    results.find((one) => one.format === format && one.importer === name);
  const outcomes = EXPORT_FORMAT_NAMES.map((format) => [
    `\`${format}\``,
    ...columns.map((name) => find(format, name)?.outcome ?? 'not run'),
  ]);
  const versions = columns.map((name) => {
    const own = results.filter(({ importer }) => importer === name);
    return [name, [...new Set(own.map(({ version }) => version))].join(', ')];
  });
  const commands = EXPORT_FORMAT_NAMES.flatMap((format) =>
    columns.flatMap((name) => {
      const found = find(format, name);
      return found ? [[`\`${format}\``, found.commands.map(code).join('<br>')]] : [];
    }),
  );
  return [
    table(['format', ...columns], outcomes),
    table(['importer', 'version'], versions),
    table(['format', 'commands'], commands),
  ].join('\n');
}

/** Without the folders of this computer. */
function code(command: string): string {
  const short = command
    .replaceAll(/(?<![:/\w.])\/(?:[^\s/,']+\/)+/g, '')
    .replaceAll(/\btrial-\w{6}\b/g, 'WORK');
  return `\`${short}\``;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [row(head), `|${'---|'.repeat(head.length)}`, ...rows.map(row), ''].join('\n');
}

function row(cells: readonly string[]): string {
  return `| ${cells.map((text) => text.replaceAll('|', '\\|')).join(' | ')} |`;
}
