/** `pvmc import`: for those who receive an appliance. */
import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import type { HypervisorName } from '../../hypervisors/registry.ts';
import { STAGES } from '../../pipeline/events.ts';
import type { Imported } from '../../pipeline/import.ts';
import type { Forward } from '../../pipeline/import-ports.ts';
import { type GivenProperty, readPropertiesFile } from '../../pipeline/import-properties.ts';
import { counted } from '../../system/counted.ts';
import { plainText } from '../../system/plain-text.ts';
import { formatSize } from '../../system/size.ts';
import { addForward, USUAL_FORWARDS } from '../forwards.ts';
import { addProperty } from '../given-properties.ts';
import { requireFile } from '../locate.ts';
import type { Session } from '../session.ts';
import { examples, hypervisorOption, type OpenSession } from './command.ts';

interface ImportFlags {
  readonly hypervisor: HypervisorName;
  readonly name?: string;
  readonly folder?: string;
  readonly forward: readonly Forward[];
  readonly property: readonly GivenProperty[];
  readonly properties?: string;
  readonly start?: true;
  readonly dryRun?: true;
}

export function addImport(root: Command, open: OpenSession): void {
  root
    .command('import')
    .summary('make an appliance a machine of your own')
    .description(
      'Makes an appliance a machine of your own, with the settings of its descriptor: in VirtualBox’s ' +
        'list, or for QEMU in a folder with scripts that start and stop it. The file is checked first; ' +
        'after a failure or Ctrl-C nothing of the machine is left.',
    )
    .argument('<ova>', 'the appliance')
    .addOption(hypervisorOption())
    .option('--name <name>', "the machine's name; without it the appliance's, numbered if taken")
    .option(
      '--folder <folder>',
      'where its own folder is made; without it where VirtualBox keeps machines, for QEMU here',
    )
    .addOption(
      new Option(
        '--forward <[host:]guest>',
        'lets this computer reach a TCP port of the machine; may be repeated',
      )
        .argParser(addForward)
        .default(USUAL_FORWARDS, '22, for SSH'),
    )
    .addOption(
      new Option(
        '--property <key=value>',
        'tells the machine one of the properties that the appliance asks for; may be repeated',
      )
        .argParser(addProperty)
        .default([], 'none'),
    )
    .option('--properties <file>', 'the same, from a file with a KEY=VALUE on each line')
    .option('--start', 'switch it on, too')
    .addOption(
      new Option('--dry-run', 'look at everything and tell what would be made').conflicts('start'),
    )
    .addHelpText(
      'after',
      examples([
        ['pvmc import hello-1.0.0.ova --start', 'runs it in QEMU, from a folder hello here'],
        ['pvmc import hello-1.0.0.ova --hypervisor virtualbox', 'adds it to VirtualBox'],
        [
          'pvmc import shop.ova --name shop-test --forward 22 --forward 8080:80',
          'and how to reach it',
        ],
        ['pvmc import shop.ova --property hostname=shop-1', 'and who it is'],
        ['pvmc import shop.ova --dry-run', 'checks the file and shows the machine'],
      ]),
    )
    .action(async (file: string, flags: ImportFlags, command: Command) => {
      await importFile(open(command), file, flags);
    });
}

async function importFile(session: Session, file: string, flags: ImportFlags): Promise<void> {
  await requireFile(file);
  const { folder } = flags;
  // Those of the command line go before those of the file.
  const fromFile =
    flags.properties === undefined
      ? []
      : await readPropertiesFile(resolve(session.workingFolder, flags.properties));
  const options = {
    hypervisor: flags.hypervisor,
    name: flags.name,
    folder: folder === undefined ? undefined : resolve(session.workingFolder, folder),
    forwards: flags.forward,
    properties: [...fromFile, ...flags.property],
    action: flags.dryRun
      ? ('rehearse' as const)
      : flags.start
        ? ('start' as const)
        : ('import' as const),
  };
  // None of a build's stages is gone through.
  const without = STAGES.map(({ name }) => name);
  const { facts, start } = await session.watch({
    title: file,
    without,
    run: (emit, signal) => session.program.importAppliance({ path: file, options, emit, signal }),
  });
  const conclude = (state: MachineState) =>
    session.conclude(renderImported(facts, state, session), 'imported', { state, ...facts });
  if (!flags.start) return conclude(flags.dryRun ? 'not made' : 'off');
  try {
    await session.watch({ title: facts.name, without, run: start });
  } catch (thrown) {
    // It is there, and stays.
    conclude('off');
    throw thrown;
  }
  conclude('running');
}

type MachineState = 'not made' | 'off' | 'running';

const OUTCOMES: Readonly<Record<MachineState, string>> = {
  'not made': 'would be imported into',
  off: 'imported into',
  running: 'runs in',
};

/** `power off` is the longest word. */
const WORD_COLUMNS = 11;

function renderImported(
  facts: Imported,
  state: MachineState,
  { style, shorten }: Pick<Session, 'style' | 'shorten'>,
): string[] {
  const { commands, folder } = facts;
  const shown = (command: string) => command.replaceAll(folder, shorten(folder));
  const mark = state === 'not made' ? style.dim(style.marks.pending) : style.good(style.marks.done);
  const rows: readonly (readonly [string, string])[] = [
    ['machine', machineWords(facts)],
    ['folder', shorten(folder)],
    ...(facts.signedBy === undefined ? [] : [['signed by', facts.signedBy] as const]),
    ...propertyRows(facts.properties),
    ...(state === 'running'
      ? [['look', shown(commands.look)] as const]
      : [['start', shown(commands.start)] as const, ['or here', shown(commands.open)] as const]),
    ...Object.entries(facts.forwardPorts).map(
      ([guestPort, hostPort]) => ['reach', reachWords(Number(guestPort), hostPort)] as const,
    ),
    ['power off', shown(commands.powerOff)],
    ['remove', shown(commands.remove)],
  ];
  return [
    `${mark} ${style.bold(`${facts.name} ${OUTCOMES[state]} ${facts.hypervisor}`)}`,
    '',
    ...rows.map(([word, what]) => `  ${style.dim(word.padEnd(WORD_COLUMNS))}${what}`),
  ];
}

/** What the machine is told, and what it could have been told. */
function propertyRows(properties: Imported['properties']): readonly (readonly [string, string])[] {
  const keys = (given: boolean) =>
    properties.filter((one) => one.given === given).map(({ key }) => plainText(key));
  return [
    ['told', keys(true).join(', ')] as const,
    ['not told', keys(false).join(', ')] as const,
  ].filter(([, what]) => what !== '');
}

function machineWords({ product, version, memoryBytes, cpus, firmware, diskBytes }: Imported) {
  const sizes = `${formatSize(memoryBytes)} of memory, ${counted(cpus, 'CPU')}, ${formatSize(diskBytes)} disk, ${firmware.toUpperCase()}`;
  return product === undefined
    ? sizes
    : `${[product, version].filter(Boolean).join(' ')}: ${sizes}`;
}

/** How a port of the machine is reached from this computer. */
function reachWords(guestPort: number, hostPort: number): string {
  switch (guestPort) {
    case 22:
      return `ssh -p ${hostPort} USER@127.0.0.1`;
    case 80:
      return `http://127.0.0.1:${hostPort}/`;
    case 443:
      return `https://127.0.0.1:${hostPort}/`;
    default:
      return `127.0.0.1:${hostPort} is port ${guestPort} of the machine`;
  }
}
