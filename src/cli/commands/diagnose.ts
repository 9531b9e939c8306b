/** `pvmc diagnose`: a shell in the machine of a build. */
import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { MachineEvent } from '../../hypervisors/hypervisor.ts';
import type { DiagnoseSession, DiagnoseStarted } from '../../pipeline/diagnose.ts';
import { PvmcError } from '../../system/error.ts';
import { bridgeConsole, drainConsole } from '../console-bridge.ts';
import type { Session } from '../session.ts';
import { BUILD_ARGUMENT, examples, type OpenSession, OUTPUT_OPTION } from './command.ts';

interface DiagnoseFlags {
  readonly output: string;
  readonly screen: boolean;
  readonly command?: string;
}

export function addDiagnose(root: Command, open: OpenSession): void {
  root
    .command('diagnose')
    .summary("open a shell in a build's machine, with its disk")
    .description(
      "Starts a build's medium in the machine that the build had, with the disk as the build left " +
        'it, and lets you in. Nothing is installed, and what is written to the disk is thrown away.',
    )
    .argument(...BUILD_ARGUMENT)
    .option(...OUTPUT_OPTION)
    .option('--screen', "show the machine's screen to a VNC viewer, too", false)
    .option('--command <command>', 'run this there, print its output and end with its exit status')
    .addHelpText(
      'after',
      examples([
        ['pvmc diagnose', 'a shell in the machine of the latest build; Ctrl-] ends it'],
        ['pvmc diagnose --screen hello-1.0.0-2026', 'and its screen'],
        ["pvmc diagnose --command 'lsblk; constructor status'", 'without a terminal'],
      ]),
    )
    .action(async (build: string, flags: DiagnoseFlags, command: Command) => {
      await diagnose(open(command), build, flags);
    });
}

async function diagnose(session: Session, build: string, flags: DiagnoseFlags): Promise<void> {
  const { command, screen } = flags;
  requireWayIn(session, flags);
  const outputFolder = resolve(session.workingFolder, flags.output);
  const output: Uint8Array[] = [];
  const result = await session.program.diagnoseBuild(
    { outputFolder, build, screen, command },
    {
      signal: session.signal,
      notice: (line) => session.remark(line),
      onStarted: (started) => tellStarted(session, started, command),
      connect: connector(session),
      onOutput: (bytes) => (session.isJson ? output.push(bytes) : session.write(bytes)),
    },
  );
  if (command === undefined) {
    session.remark(`${howItEnded(result.ended)} The build is as it was.`);
    return;
  }
  session.exitStatus = result.status ?? 0;
  const text = Buffer.concat(output).toString('utf8');
  session.conclude([], 'command-finished', { ...result, output: text });
}

function requireWayIn(session: Session, { command, screen }: DiagnoseFlags): void {
  if (command !== undefined || session.terminal || (screen && !session.isJson)) return;
  throw new PvmcError({
    kind: 'usage',
    code: 'terminal-missing',
    message: 'a shell in the guest needs a terminal on standard input and output',
    hint: "Without one, let it run something: pvmc diagnose --command 'journalctl -b'; or look at the screen: --screen",
  });
}

function tellStarted(
  session: Session,
  started: DiagnoseStarted,
  command: string | undefined,
): void {
  if (started.screen) {
    const { address, password } = started.screen;
    session.remark(`The screen: a VNC viewer at ${address}, password ${password}`);
  }
  if (command !== undefined) return;
  const how = session.terminal ? 'Ctrl-] ends it.' : 'Ctrl-C ends it.';
  session.remark(`The machine of ${started.build} starts; a root shell will be there. ${how}`);
  session.remark('What is written to its disk is thrown away at the end.');
}

function connector(session: Session): DiagnoseSession['connect'] {
  const { terminal } = session;
  return (console) => (terminal ? bridgeConsole(console, terminal) : drainConsole(console));
}

function howItEnded(ended: MachineEvent | undefined): string {
  switch (ended?.type) {
    case undefined:
      return 'The machine is off.';
    case 'stopped':
      return 'The guest has powered itself off.';
    case 'reset':
      return 'The guest has reset itself, which ends it here.';
    case 'panicked':
      return "The guest's kernel has panicked.";
    case 'killed':
    case 'crashed':
    case 'stalled':
    case 'disk-error':
      return `The machine has ended: ${ended.reason}.`;
  }
}
