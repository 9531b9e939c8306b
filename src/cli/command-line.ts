/** From arguments to a command to an exit status. Knows no command's work; each is a file of its own. */
import { Command, CommanderError } from 'commander';
import { presentable } from '../system/defects.ts';
import type { PvmcError } from '../system/error.ts';
import { addBuild } from './commands/build.ts';
import { addBuilds } from './commands/builds.ts';
import { addCheck } from './commands/check.ts';
import { addClean } from './commands/clean.ts';
import { type AddCommand, examples, type OpenSession } from './commands/command.ts';
import { addCompletion } from './commands/completion.ts';
import { addDiagnose } from './commands/diagnose.ts';
import { addDiff } from './commands/diff.ts';
import { addDoctor } from './commands/doctor.ts';
import { addImport } from './commands/import.ts';
import { addInit } from './commands/init.ts';
import { addIso } from './commands/iso.ts';
import { addLint } from './commands/lint.ts';
import { addPlan } from './commands/plan.ts';
import { addSchema } from './commands/schema.ts';
import { addShow } from './commands/show.ts';
import { addSign } from './commands/sign.ts';
import { addStages } from './commands/stages.ts';
import { addVerify } from './commands/verify.ts';
import { addVersion } from './commands/version.ts';
import { printCompletions } from './completion.ts';
import { EXIT_SUCCESS, exitStatusOf } from './exit-status.ts';
import { type Dependencies, type GlobalOptions, Session } from './session.ts';
import { columnsOf, type Surroundings } from './surroundings.ts';
import { unknownCommand, usageError } from './usage-errors.ts';

const COMMANDS: readonly AddCommand[] = [
  addInit,
  addCheck,
  addPlan,
  addBuild,
  addIso,
  addVerify,
  addImport,
  addLint,
  addSign,
  addDiff,
  addStages,
  addBuilds,
  addShow,
  addDiagnose,
  addClean,
  addDoctor,
  addSchema,
  addCompletion,
  addVersion,
];

/** Runs the command that the arguments name, tells how it went and returns the exit status. */
export async function runCommandLine(
  argv: readonly string[],
  dependencies: Dependencies,
): Promise<number> {
  const opened: { session?: Session } = {};
  const root = makeCommands(dependencies.program.version, dependencies.surroundings, (command) => {
    const globals = command.optsWithGlobals<GlobalOptions>();
    opened.session = new Session(dependencies, globals, command.name());
    return opened.session;
  });
  // What the shells' completion scripts call; no command for people.
  if (argv[0] === 'complete' && argv[1] === '--') {
    printCompletions(root, argv.slice(2), dependencies.surroundings.workingFolder);
    return EXIT_SUCCESS;
  }
  try {
    await root.parseAsync([...argv], { from: 'user' });
    return opened.session?.exitStatus ?? EXIT_SUCCESS;
  } catch (thrown) {
    const error = told(thrown, { root, argv, dependencies });
    if (error === undefined) return EXIT_SUCCESS;
    const session = opened.session ?? sessionOf(argv, dependencies);
    session.fail(error);
    return exitStatusOf(error.kind);
  }
}

/** All commands. Parsing throws a CommanderError for help, the version and every mistake. */
export function makeCommands(
  version: string,
  { stdout }: Surroundings,
  open: OpenSession,
): Command {
  const root = new Command('pvmc')
    .description(
      'Builds virtual machine appliances from one manifest, hands-off, inside the machine ' +
        'they will run on.',
    )
    .version(version, '-V, --version', 'print the version')
    .option('--json', 'one JSON object a line, for programs')
    .option('--plain', 'plain lines although there is a terminal')
    .option('-v, --verbose', 'show the log of everything that is run')
    .option('--no-color', 'no colours (NO_COLOR in the environment does the same)')
    .option('-y, --yes', 'let the launcher install what is missing without asking')
    .option('--cache <folder>', 'where what is kept between builds lies')
    .helpOption('-h, --help', 'print help')
    .helpCommand('help [command]', 'print help for a command')
    .exitOverride()
    .showSuggestionAfterError(false)
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: (text) => stdout.write(text),
      // Mistakes are told once, in our own words.
      writeErr: () => {},
      getOutHelpWidth: () => columnsOf(stdout),
    })
    .addHelpText(
      'after',
      examples([
        ['pvmc init shop', 'writes a first manifest, shop/appliance.yaml'],
        ['pvmc check shop', 'names every problem in it'],
        ['pvmc build shop', 'builds, exports and verifies the appliance'],
      ]),
    );
  for (const add of COMMANDS) add(root, open);
  return root;
}

interface Given {
  readonly root: Command;
  readonly argv: readonly string[];
  readonly dependencies: Dependencies;
}

/** The error to show; undefined when help or the version was asked for. */
function told(thrown: unknown, { root, argv, dependencies }: Given): PvmcError | undefined {
  if (!(thrown instanceof CommanderError))
    return presentable(thrown, dependencies.interruption.signal);
  if (thrown.exitCode === 0) return undefined;
  if (thrown.code !== 'commander.help') return usageError(thrown, root, argv);
  // commander takes help for a command that is not there as if nothing had been asked for.
  const [first, topic] = root.args;
  if (first === 'help' && topic !== undefined && topic !== 'help')
    return unknownCommand(topic, root);
  // Nothing was asked for: say what there is.
  root.outputHelp();
  return undefined;
}

/** For mistakes that were found before a command could open its own. */
function sessionOf(argv: readonly string[], dependencies: Dependencies): Session {
  const has = (option: string) => argv.includes(option);
  return new Session(dependencies, { json: has('--json'), color: !has('--no-color') }, 'pvmc');
}
