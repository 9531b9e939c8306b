/** `pvmc build`: the seven stages, from the manifest to the verified appliance. */
import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import type { HypervisorName } from '../../hypervisors/registry.ts';
import { KEEP_POLICIES, type KeepPolicy, type ReusePolicy } from '../../pipeline/build-options.ts';
import { STAGES, type StageName } from '../../pipeline/events.ts';
import type { Timeouts } from '../../pipeline/limits.ts';
import { renderEnd } from '../end-screen.ts';
import type { Session } from '../session.ts';
import {
  examples,
  hypervisorOption,
  MANIFEST_ARGUMENT,
  type OpenSession,
  timeoutOption,
} from './command.ts';

interface BuildFlags {
  readonly output: string;
  readonly hypervisor: HypervisorName;
  readonly medium?: string;
  readonly signKey?: string;
  readonly signCertificate?: string;
  readonly verify: boolean;
  readonly from?: StageName;
  readonly until?: StageName;
  readonly resume?: true;
  readonly force?: true;
  readonly keep: KeepPolicy;
  readonly timeout: Timeouts;
}

const STAGE_NAMES = STAGES.map(({ name }) => name);

export function addBuild(root: Command, open: OpenSession): void {
  root
    .command('build')
    .summary('build an appliance from a manifest')
    .description(
      'Builds an appliance inside a virtual machine, exports it and sees it boot. What earlier builds ' +
        'have done with the same inputs is not done again.',
    )
    .argument(...MANIFEST_ARGUMENT)
    .option('-o, --output <folder>', 'where the appliance is written', 'out')
    .addOption(hypervisorOption())
    .option('--medium <iso>', "the appliance's PVMC ISO, made elsewhere by pvmc iso")
    .option(
      '--sign-key <file>',
      'the key that signs the exports, in PEM; else as the manifest says',
    )
    .option('--sign-certificate <file>', 'its certificate, in PEM; else as the manifest says')
    .option('--no-verify', 'leave out the last stage, which boots the finished appliance')
    .addOption(
      new Option('--from <stage>', 'do this stage and all later ones again').choices(STAGE_NAMES),
    )
    .addOption(new Option('--until <stage>', 'stop after this stage').choices(STAGE_NAMES))
    .addOption(
      new Option(
        '--resume',
        'go on with the last unfinished build, in its folder and with its packages',
      ).conflicts('force'),
    )
    .option('--force', 'do all stages again, whatever earlier builds have done')
    .addOption(
      new Option(
        '--keep <when>',
        "when the machine's disk and checkpoint stay in the build's folder; the logs always do",
      )
        .choices(KEEP_POLICIES)
        .default('latest'),
    )
    .addOption(timeoutOption())
    .addHelpText(
      'after',
      examples([
        ['pvmc build examples/hello', 'the appliance of examples/hello/appliance.yaml, into out/'],
        ['pvmc build -o /srv/images web.yaml', 'from another file, into another folder'],
        [
          'pvmc build --json examples/hello > build.jsonl',
          'for a program to read, one object a line',
        ],
        ['pvmc build --resume examples/hello', 'goes on where the last one was cut off'],
        ['pvmc build --until export examples/hello', 'leaves the verification for later'],
        ['pvmc build --hypervisor virtualbox', 'in VirtualBox instead of QEMU'],
        ['pvmc build --timeout construct=30m --keep always', 'more time; keeps the disk'],
      ]),
    )
    .action(async (manifest: string, flags: BuildFlags, command: Command) => {
      await build(open(command), manifest, flags);
    });
}

async function build(session: Session, manifest: string, flags: BuildFlags): Promise<void> {
  const absolute = (path: string | undefined) =>
    path === undefined ? undefined : resolve(session.workingFolder, path);
  const result = await session.watch({
    title: manifest,
    without: leftOut(flags),
    run: (emit, signal) =>
      session.program.buildAppliance(
        {
          manifestPath: manifest,
          outputFolder: resolve(session.workingFolder, flags.output),
          hypervisor: flags.hypervisor,
          mediumPath: absolute(flags.medium),
          signKeyPath: absolute(flags.signKey),
          signCertificatePath: absolute(flags.signCertificate),
          verify: flags.verify,
          keep: flags.keep,
          timeouts: flags.timeout,
          reuse: reusePolicy(flags),
          from: flags.from,
          until: flags.until,
          cacheFolder: session.cacheFolder(),
        },
        emit,
        signal,
      ),
  });
  session.print(['', ...renderEnd(result, session)]);
}

function reusePolicy({ resume, force }: BuildFlags): ReusePolicy {
  if (resume) return 'resume';
  return force ? 'nothing' : 'same';
}

function leftOut({ verify, until }: BuildFlags): readonly StageName[] {
  const last = until === undefined ? STAGE_NAMES.length - 1 : STAGE_NAMES.indexOf(until);
  return STAGE_NAMES.filter((name, index) => index > last || (name === 'verify' && !verify));
}
