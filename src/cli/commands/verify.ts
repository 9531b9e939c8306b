/** `pvmc verify`: stage 7 alone, for an appliance file of ours or of anybody. */
import type { Command } from 'commander';
import { PvmcError } from '../../system/error.ts';
import { formatDuration } from '../../system/size.ts';
import { requireFile } from '../locate.ts';
import type { Timeouts, VerifyCheck, VerifyReport } from '../program.ts';
import type { Session } from '../session.ts';
import { examples, type OpenSession, timeoutOption } from './command.ts';

export function addVerify(root: Command, open: OpenSession): void {
  root
    .command('verify')
    .summary('import an appliance afresh and see it boot')
    .description(
      'Reads an OVA back: digests, descriptor, disk. Then boots a throw-away copy of its disk, ' +
        'once under BIOS and once under UEFI, and runs its checks. The file itself is not changed.',
    )
    .argument('<file>', 'the appliance, an OVA')
    .addOption(timeoutOption())
    .addHelpText(
      'after',
      examples([
        ['pvmc verify out/hello-1.0.ova', 'verifies what a build has made'],
        ['pvmc verify --timeout verify=20m big.ova', 'gives a slow one more time'],
      ]),
    )
    .action(async (file: string, flags: { readonly timeout: Timeouts }, command: Command) => {
      const session = open(command);
      await requireFile(file);
      const options = { timeouts: flags.timeout, cacheFolder: session.cacheFolder() };
      const report = await session.watch({
        title: file,
        run: (emit, signal) => session.program.verifyFile({ path: file, options, emit, signal }),
      });
      session.conclude(renderReport(report, session), 'verified', report);
      throwFailed(report, file);
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

function throwFailed({ checks }: VerifyReport, path: string): void {
  const failed = checks.filter(({ outcome }) => outcome === 'failed');
  if (failed.length === 0) return;
  throw new PvmcError({
    kind: 'verify',
    code: 'verify-failed',
    message: `${path} did not pass ${failed.length} of ${checks.length} checks`,
    details: failed.map(({ name, detail }) => (detail === undefined ? name : `${name}: ${detail}`)),
  });
}
