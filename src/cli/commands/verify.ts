/** `pvmc verify`: stage 7 alone, for an appliance file of ours or of anybody. */
import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { HypervisorName } from '../../hypervisors/registry.ts';
import type { Timeouts } from '../../pipeline/limits.ts';
import { formatDuration } from '../../system/size.ts';
import { type VerifyCheck, type VerifyReport, verificationFailure } from '../../verify/report.ts';
import { requireFile } from '../locate.ts';
import type { Session } from '../session.ts';
import { examples, hypervisorOption, type OpenSession, timeoutOption } from './command.ts';

interface VerifyFlags {
  readonly hypervisor: HypervisorName;
  readonly timeout: Timeouts;
  readonly manifest?: string;
  readonly output: string;
}

/** What is given in place of a folder. */
const VERIFIED = /\.(ova|ovf|box|qcow2|vmdk|raw|img|zst|vhdx?|vdi)$/i;

export function addVerify(root: Command, open: OpenSession): void {
  root
    .command('verify')
    .summary('import an appliance afresh and see it boot')
    .description(
      'Reads an OVA or OVF back: digests, descriptor, disk. Then boots a throw-away copy of its disk, ' +
        'once under BIOS and once under UEFI, and runs its checks. Of a Vagrant box and of a disk alone ' +
        '(qcow2, VMDK, raw, zst, VHDX, VHD, VDI) the disk is unpacked and booted. The file itself is not changed.',
    )
    .argument('<file>', 'an OVA, an OVF, a Vagrant box or a disk')
    .option('-o, --output <folder>', 'where the report is written, in builds/', 'out')
    .option('--manifest <manifest>', 'also run the checks of this manifest')
    .addOption(hypervisorOption())
    .addOption(timeoutOption())
    .addHelpText(
      'after',
      examples([
        ['pvmc verify hello-1.0.0.ova', 'reads it back and boots it, twice'],
        ['pvmc verify --manifest examples/hello out/hello-1.0.0.ova', 'and runs the checks'],
        ['pvmc verify --manifest examples/hello out/hello-1.0.0.qcow2', 'boots a disk alone'],
        ['pvmc verify --timeout verify=20m big.ova', 'gives a slow one more time'],
      ]),
    )
    .action(async (file: string, flags: VerifyFlags, command: Command) => {
      const session = open(command);
      await requireFile(file, VERIFIED);
      const options = {
        hypervisor: flags.hypervisor,
        timeouts: flags.timeout,
        manifestPath: flags.manifest,
        outputFolder: resolve(session.workingFolder, flags.output),
      };
      const report = await session.watch({
        title: file,
        run: (emit, signal) => session.program.verifyFile({ path: file, options, emit, signal }),
      });
      session.conclude(renderReport(report, session), 'verified', report);
      const failure = verificationFailure(report, file);
      if (failure) throw failure;
    });
}

function renderReport({ checks, folder }: VerifyReport, session: Session): string[] {
  const { style } = session;
  return [
    '',
    ...checks.map(({ name, outcome, detail, seconds }) => {
      const said = detail === undefined ? '' : `: ${detail}`;
      return `  ${markOf(outcome, session)} ${name}${said}  ${style.dim(formatDuration(seconds))}`;
    }),
    ...(folder === undefined ? [] : ['', `  ${style.dim('everything')}  ${folder}`]),
  ];
}

function markOf(outcome: VerifyCheck['outcome'], { style }: Session): string {
  const { good, bad, dim, marks } = style;
  const shown = {
    passed: good(marks.done),
    failed: bad(marks.failed),
    skipped: dim(marks.pending),
  };
  return shown[outcome];
}
