/** What commander finds wrong with a command line, in our words and with the nearest right one. */
import type { Command, CommanderError } from 'commander';
import { suggest } from '../manifest/suggest.ts';
import { PvmcError } from '../system/error.ts';

/** `argv` without the program itself; it tells which command was meant. */
export function usageError(
  error: CommanderError,
  root: Command,
  argv: readonly string[],
): PvmcError {
  const command = meantCommand(root, argv);
  const given = /'([^']*)'/.exec(error.message)?.[1] ?? '';
  switch (error.code) {
    case 'commander.unknownCommand':
      return unknownCommand(given, root);
    case 'commander.unknownOption':
      return usage({
        code: 'unknown-option',
        message: `${pathOf(command)} has no option "${given}"`,
        nearest: suggest(given, optionNames(root, command)),
        command,
      });
    case 'commander.optionMissingArgument':
      return usage({
        code: 'value-missing',
        message: `the option ${longName(given)} needs a value`,
        command,
      });
    case 'commander.missingArgument':
      return usage({
        code: 'argument-missing',
        message: `${pathOf(command)} needs ${given.toUpperCase()}`,
        command,
      });
    case 'commander.excessArguments':
      return usage({
        code: 'too-many-arguments',
        message: `${pathOf(command)} takes fewer arguments`,
        command,
      });
    case 'commander.invalidArgument':
      return usage({ code: 'value-invalid', ...invalidValue(error.message), command });
    default:
      return usage({
        code: 'command-line-invalid',
        message: error.message.replace(/^error: /, ''),
        command,
      });
  }
}

export function unknownCommand(given: string, root: Command): PvmcError {
  return usage({
    code: 'unknown-command',
    message: `there is no command "${given}"`,
    nearest: suggest(given, commandNames(root)),
    command: root,
  });
}

/** commander says it in one of two ways, and then what would be right. */
function invalidValue(said: string): { readonly message: string; readonly advice?: string } {
  const option = /option '([^']*)' argument '(.*)' is invalid\. ?(.*)$/s.exec(said);
  if (option) {
    const [, name = '', value, advice = ''] = option;
    return { message: `"${value}" is no value for ${longName(name)}`, advice };
  }
  const [, value, name = '', advice = ''] =
    /argument value '(.*)' is invalid for argument '([^']*)'\. ?(.*)$/s.exec(said) ?? [];
  return { message: `"${value}" is no ${name}`, advice };
}

/** `--output` of `-o, --output <folder>`. */
function longName(flags: string): string {
  return /--[\w-]+/.exec(flags)?.[0] ?? flags;
}

interface Usage {
  readonly code: string;
  readonly message: string;
  readonly nearest?: string | undefined;
  readonly advice?: string | undefined;
  readonly command: Command;
}

function usage({ code, message, nearest, advice, command }: Usage): PvmcError {
  const tip = nearest === undefined ? advice : `Did you mean ${nearest}?`;
  const help = `${pathOf(command)} --help tells what there is.`;
  return new PvmcError({
    kind: 'usage',
    code,
    message,
    hint: tip === undefined || tip === '' ? help : `${tip} ${help}`,
  });
}

function meantCommand(root: Command, argv: readonly string[]): Command {
  const found = argv.map((word) => root.commands.find((command) => command.name() === word));
  return found.find((command) => command !== undefined) ?? root;
}

function pathOf(command: Command): string {
  return command.parent ? `${pathOf(command.parent)} ${command.name()}` : command.name();
}

function commandNames(root: Command): string[] {
  return root
    .createHelp()
    .visibleCommands(root)
    .map((command) => command.name());
}

function optionNames(root: Command, command: Command): string[] {
  const options = [...command.options, ...root.options];
  return [
    '--help',
    ...options.flatMap(({ long }) => (long === undefined || long === null ? [] : [long])),
  ];
}
