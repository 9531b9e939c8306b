/** `pvmc lint`: what is wrong with an appliance of ours or of anybody, by numbered rules. */
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { placeText } from '../../lint/finding-line.ts';
import type { Finding } from '../../lint/findings.ts';
import type { LintReport } from '../../lint/lint.ts';
import type { Severity } from '../../lint/rule.ts';
import { allRules, type NamedRule } from '../../lint/rules.ts';
import type { LintResult, RepairTarget } from '../../pipeline/lint-file.ts';
import { counted } from '../../system/counted.ts';
import { PvmcError } from '../../system/error.ts';
import { requireFile } from '../locate.ts';
import type { Session } from '../session.ts';
import { printable, wrap } from '../text.ts';
import { examples, type OpenSession } from './command.ts';

interface LintFlags {
  readonly fix?: boolean;
  readonly inPlace?: boolean;
  readonly output?: string;
  readonly strict?: boolean;
  readonly rules?: boolean;
}

export function addLint(root: Command, open: OpenSession): void {
  root
    .command('lint')
    .summary('tell what importers will not like about an OVA, OVF or VMDK')
    .description(
      'Looks at an appliance of pvmc or of any other tool: the archive, the manifest, the descriptor, ' +
        'every grain of the disk. Each finding has a rule with its number, the place, who stumbles ' +
        'over it and what to do. Nothing is changed unless --fix says so, and nothing is started.',
    )
    .argument('[appliance]', 'an OVA, an OVF with its files beside it, or a VMDK')
    .option('--fix', 'write the file anew, without what can be mended')
    .option('-o, --output <file>', 'where --fix writes to; an OVA for an OVA or an OVF')
    .option('--in-place', 'let --fix replace the file itself')
    .option('--strict', 'fail for warnings too')
    .option('--rules', 'list the rules')
    .addHelpText(
      'after',
      examples([
        ['pvmc lint theirs.ova', 'tells what is wrong; ends with status 9 if it has errors'],
        ['pvmc lint --fix -o mended.ova theirs.ova', 'writes it anew as far as it can be mended'],
        ['pvmc lint --fix -o disk-fixed.vmdk disk.vmdk', 'gives a VMDK of qemu-img its end'],
        ['pvmc lint --fix -o shop.ova shop.ovf', 'packs an OVF and the files beside it'],
        ['pvmc lint --rules', 'lists the rules; docs/lint.md has their reasons'],
      ]),
    )
    .action(async (path: string | undefined, flags: LintFlags, command: Command) => {
      const session = open(command);
      if (flags.rules === true) {
        const rules = allRules();
        session.conclude(ruleLines(rules, session), 'rules', { rules });
        return;
      }
      const file = required(path);
      const repair = repairTarget(flags, session.workingFolder);
      await requireFile(file);
      const result = await session.watch({
        title: file,
        run: (emit, signal) =>
          session.program.lintAppliance({ path: file, options: { repair }, emit, signal }),
      });
      conclude(result, session);
      failForFindings(file, finalReport(result), flags);
    });
}

function required(path: string | undefined): string {
  if (path !== undefined) return path;
  throw new PvmcError({
    kind: 'usage',
    code: 'argument-missing',
    message: 'pvmc lint needs APPLIANCE',
    hint: 'pvmc lint --help tells what there is.',
  });
}

function repairTarget(flags: LintFlags, folder: string): RepairTarget | undefined {
  const { fix = false, inPlace = false, output } = flags;
  const wrong = targetProblem(flags);
  if (wrong !== undefined) {
    throw new PvmcError({ kind: 'usage', code: 'lint-output-unclear', ...wrong });
  }
  if (!fix) return undefined;
  return inPlace || output === undefined ? 'in-place' : { outputPath: resolve(folder, output) };
}

/** What is wrong with the options that say where the repaired file goes. */
function targetProblem({ fix = false, inPlace = false, output }: LintFlags) {
  if (!fix) {
    if (!inPlace && output === undefined) return undefined;
    return { message: '--output and --in-place are about --fix', hint: 'Add --fix.' };
  }
  if (inPlace === (output !== undefined)) {
    return {
      message: '--fix has to be told where the repaired file goes',
      hint: 'Give either `-o FILE`, or `--in-place` to replace the file itself.',
    };
  }
  return undefined;
}

function finalReport(result: LintResult): LintReport {
  return result.type === 'linted' ? result.report : result.report.after;
}

function conclude(result: LintResult, session: Session): void {
  if (result.type === 'linted') {
    const { path, kind, files, findings } = result.report;
    const facts = { path, kind, files, findings: findings.map(plainFinding) };
    session.conclude(reportLines(result.report, session), 'linted', facts);
    return;
  }
  const { repaired, dropped, after, before } = result.report;
  const facts = {
    path: before.path,
    output: after.path,
    repaired: repaired.map(plainFinding),
    dropped,
    findings: after.findings.map(plainFinding),
  };
  const { style } = session;
  const names = [...new Set(repaired.map(({ rule }) => `${rule.number} ${rule.name}`))];
  const lines = [
    ...names.map((name) => `${style.good(style.marks.done)} mended: ${name}`),
    ...dropped.map((name) => {
      const again = name.endsWith('.cert') ? '; sign again: pvmc sign' : '';
      return `${style.warning(style.marks.notice)} left out: ${printable(name)}${again}`;
    }),
    ...(names.length === 0 ? ['nothing to mend'] : []),
    `  ${session.shorten(after.path)}`,
    '',
    ...reportLines(after, session),
  ];
  session.conclude(lines, 'repaired', facts);
}

/** A finding as `--json` has it. */
function plainFinding({ rule, message, details, place, repair, more }: Finding) {
  const { number, name, severity, cure } = rule;
  return { number, name, severity, message, details, ...place, cure, repair, more };
}

function reportLines({ findings, files }: LintReport, session: Session): string[] {
  const { style } = session;
  if (findings.length === 0) {
    const where = files.length === 1 ? 'one file' : `${files.length} files`;
    return [`${style.good(style.marks.done)} nothing found, in ${where}`];
  }
  const names = [...new Set(findings.map(({ rule }) => rule.name))];
  return names.flatMap((name, index) => {
    const alike = findings.filter(({ rule }) => rule.name === name);
    return [...(index > 0 ? [''] : []), ...ruleFindings(alike, session)];
  });
}

/** All that one rule has found, with what is to be said of it once. */
function ruleFindings(findings: readonly Finding[], session: Session): string[] {
  const [first] = findings;
  if (!first) return [];
  const { rule } = first;
  const { style, globals } = session;
  const lines = (words: string, indent = '    ') =>
    wrap(printable(words), session.lineWidth - indent.length).map((line) => indent + line);
  const isMended = findings.every(({ repair }) => repair === 'yes');
  const reasons =
    globals.verbose === true ? [`why: ${rule.reason}`, ...rule.sources.map(sourceText)] : [];
  return [
    `${markOf(rule.severity, session)} ${style.bold(`${rule.number} ${rule.name}`)}: ${rule.title}`,
    ...findings.flatMap(({ place, message, details, more }) => [
      ...lines(placed(placeText(place), message)),
      ...details.flatMap((line) => lines(line, '      ')),
      ...(more > 0 ? lines(`and ${more} more`) : []),
    ]),
    ...[`breaks: ${rule.breaks}`, ...reasons].flatMap((words) => lines(words)).map(style.dim),
    ...lines(isMended ? `${rule.cure} \`--fix\` does it.` : rule.cure),
  ];
}

function placed(place: string, message: string): string {
  return place === '' ? message : `${place}: ${message}`;
}

function sourceText({ text, url }: NamedRule['sources'][number]): string {
  return url === undefined ? `source: ${text}` : `source: ${text}, ${url}`;
}

function markOf(severity: Severity, { style }: Session): string {
  const { bad, warning, dim, marks } = style;
  const shown = {
    error: bad(`${marks.failed} error`),
    warning: warning(`${marks.notice} warning`),
    note: dim(`${marks.pending} note`),
  };
  return shown[severity];
}

function ruleLines(rules: readonly NamedRule[], session: Session): string[] {
  const name = Math.max(...rules.map((one) => one.name.length));
  return rules.map(
    (one) =>
      `${one.number}  ${one.name.padEnd(name)}  ${one.severity.padEnd(7)}  ` +
      `${one.repair === 'yes' ? session.style.good('fix') : '   '}  ${one.title}`,
  );
}

function failForFindings(file: string, { findings }: LintReport, { strict }: LintFlags): void {
  const count = (severity: Severity) =>
    findings
      .filter(({ rule }) => rule.severity === severity)
      .reduce((sum, { more }) => sum + 1 + more, 0);
  const errors = count('error');
  const warnings = count('warning');
  if (errors === 0 && (warnings === 0 || strict !== true)) return;
  const told = [
    errors === 0 ? [] : [counted(errors, 'error')],
    warnings === 0 ? [] : [counted(warnings, 'warning')],
  ].flat();
  throw new PvmcError({
    kind: 'input',
    code: errors > 0 ? 'lint-errors' : 'lint-warnings',
    message: `${file} has ${told.join(' and ')}`,
  });
}
