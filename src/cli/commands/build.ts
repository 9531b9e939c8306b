/** `pvmc build`: the seven stages, from the manifest to the verified appliance. */
import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { KEEP_POLICIES, type KeepPolicy } from '../../pipeline/build-options.ts';
import type { Timeouts } from '../../pipeline/limits.ts';
import { renderEnd } from '../end-screen.ts';
import type { Session } from '../session.ts';
import { examples, MANIFEST_ARGUMENT, type OpenSession, timeoutOption } from './command.ts';

interface BuildFlags {
  readonly output: string;
  readonly verify: boolean;
  readonly keep: KeepPolicy;
  readonly timeout: Timeouts;
}

export function addBuild(root: Command, open: OpenSession): void {
  root
    .command('build')
    .summary('build an appliance from a manifest')
    .description('Builds an appliance inside a virtual machine, exports it and sees it boot.')
    .argument(...MANIFEST_ARGUMENT)
    .option('-o, --output <folder>', 'where the appliance is written', 'out')
    .option('--no-verify', 'leave out the last stage, which boots the finished appliance')
    .addOption(
      new Option(
        '--keep <when>',
        "when the machine's disk, disk.raw, stays in the build's folder; the logs always do",
      )
        .choices(KEEP_POLICIES)
        .default('failed'),
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
        ['pvmc build --timeout construct=30m --keep always', 'more time; keeps the disk'],
      ]),
    )
    .action(async (manifest: string, flags: BuildFlags, command: Command) => {
      await build(open(command), manifest, flags);
    });
}

async function build(session: Session, manifest: string, flags: BuildFlags): Promise<void> {
  const result = await session.watch({
    title: manifest,
    without: flags.verify ? [] : ['verify'],
    run: (emit, signal) =>
      session.program.buildAppliance(
        {
          manifestPath: manifest,
          outputFolder: resolve(session.workingFolder, flags.output),
          verify: flags.verify,
          keep: flags.keep,
          timeouts: flags.timeout,
          cacheFolder: session.cacheFolder(),
        },
        emit,
        signal,
      ),
  });
  session.print(['', ...renderEnd(result, session)]);
}
