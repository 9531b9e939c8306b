/**
 * The one screen that a failed run ends with: the reason, the guest's last words, where everything
 * is kept, how to go on and what to do. Never a stack trace.
 */
import { type BuildFailure, STAGES } from '../pipeline/events.ts';
import { counted } from '../system/counted.ts';
import type { PvmcError } from '../system/error.ts';
import { exitStatusOf } from './exit-status.ts';
import type { Style } from './style.ts';
import { printable, truncate, wrap } from './text.ts';

export interface FailureFrame {
  readonly columns: number;
  readonly style: Style;
}

/** More is in the folder, and no longer one screen. */
const MOST_DETAILS = 10;
const MOST_LAST_LINES = 8;

export type Failure = Omit<BuildFailure, 'kind'> & { readonly kind: PvmcError['kind'] };

/** A failure of which only the error is known. */
export function failureOf(error: PvmcError): Failure {
  const { kind, code, message, hint, details } = error;
  return { kind, code, message, hint, details, lastLines: [] };
}

export function renderFailure(failure: Failure, frame: FailureFrame): string[] {
  if (failure.kind === 'interrupted') return renderInterrupted(failure, frame);
  // A mistyped command needs no report.
  if (failure.kind === 'usage')
    return [
      ...heading(failure, frame),
      ...hintLines(failure, frame),
      ...failure.details.map((line) => `        ${printable(line)}`),
    ];
  return [
    ...heading(failure, frame),
    ...detailLines(failure, frame),
    ...lastLines(failure, frame),
    ...spaced(hintLines(failure, frame)),
    ...whereAndHow(failure, frame),
  ];
}

function renderInterrupted(failure: Failure, { style }: FailureFrame): string[] {
  const at = failure.stage === undefined ? '' : ` during ${failure.stage}`;
  const kept = failure.folder === undefined ? [] : [`  What there is: ${failure.folder}`];
  const resume = failure.resume === undefined ? [] : [`  To go on: ${failure.resume}`];
  return [`${style.warning(style.marks.notice)} ${failure.message}${at}`, ...kept, ...resume];
}

function heading(failure: Failure, { columns, style }: FailureFrame): string[] {
  const where = place(failure);
  const message = where === '' ? failure.message : `${where}: ${failure.message}`;
  return wrap(printable(message), columns - 2).map((line, index) =>
    index === 0 ? `${style.bad(style.marks.failed)} ${style.bold(line)}` : `  ${style.bold(line)}`,
  );
}

function spaced(lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : ['', ...lines];
}

/** `Construct the appliance, step "packages"`. */
function place({ stage, step }: Failure): string {
  const title = STAGES.find(({ name }) => name === stage)?.title;
  if (title === undefined) return '';
  return step === undefined ? title : `${title}, step "${step}"`;
}

/** Cut only where the folder has the rest. What a program says last is what matters most. */
function detailLines({ details, folder }: Failure, { style }: FailureFrame): string[] {
  if (details.length === 0) return [];
  const shown = folder === undefined ? details : details.slice(-MOST_DETAILS);
  const left = details.length - shown.length;
  const words = counted(left, 'earlier line is', 'earlier lines are');
  const earlier = left > 0 ? [`  ${style.dim(`${words} in the folder below`)}`] : [];
  return ['', ...earlier, ...shown.map((line) => `  ${printable(line)}`.trimEnd())];
}

function lastLines({ lastLines: lines }: Failure, { columns, style }: FailureFrame): string[] {
  if (lines.length === 0) return [];
  const shown = lines.slice(-MOST_LAST_LINES).map((line) => {
    const text = truncate(printable(line), columns - 6, style.marks.ellipsis);
    return `    ${style.dim(text)}`;
  });
  return ['', '  The guest said last:', ...shown];
}

function hintLines({ hint: text }: Failure, { columns, style }: FailureFrame): string[] {
  if (text === undefined) return [];
  const lines = text.split('\n').flatMap((line) => wrap(printable(line), columns - 8));
  return lines.map((line, index) =>
    index === 0 ? `  ${style.accent('hint:')} ${line}` : `        ${line}`,
  );
}

function whereAndHow(failure: Failure, { style }: FailureFrame): string[] {
  const status = exitStatusOf(failure.kind);
  const fact = (name: string, value: string) => `  ${style.dim(name.padEnd(12))}${value}`;
  return [
    '',
    ...(failure.folder === undefined ? [] : [fact('everything', failure.folder)]),
    ...(failure.diagnose === undefined ? [] : [fact('to look', failure.diagnose)]),
    ...(failure.resume === undefined ? [] : [fact('to go on', failure.resume)]),
    fact('error', `${failure.code} (exit status ${status})`),
  ];
}
