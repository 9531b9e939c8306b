/**
 * What is wrong with a manifest, each problem at its place. All problems of a file are shown
 * together, as `file:line:column: message`, the line itself, a caret under the place, and a hint.
 */
import { PvmcError } from '../system/error.ts';
import { printable, withoutCredentials } from './quote.ts';

export interface Position {
  /** From 1. */
  readonly line: number;
  /** From 1, in UTF-16 units as editors count them. */
  readonly column: number;
}

export interface ManifestProblem extends Position {
  readonly message: string;
  readonly hint?: string | undefined;
  /** The value at this place may be a password: it is not shown. */
  readonly secret?: boolean | undefined;
}

/** A manifest with problems; `details` holds them rendered, line by line. */
export class ManifestError extends PvmcError {
  readonly problems: readonly ManifestProblem[];

  constructor(path: string, text: string, problems: readonly ManifestProblem[]) {
    const sorted = inOrder(problems);
    const shown = sorted.slice(0, MOST_SHOWN);
    const lines = text.split(/\r?\n/);
    const blocks = shown.map((problem) => renderProblem(path, lines, problem));
    const details = blocks.flatMap((block, index) => [...(index > 0 ? [''] : []), ...block]);
    if (sorted.length > shown.length)
      details.push('', `… and ${sorted.length - shown.length} more`);
    super({
      kind: 'manifest',
      code: 'manifest-invalid',
      message: `${path} has ${sorted.length === 1 ? 'a problem' : `${sorted.length} problems`}`,
      details,
    });
    this.problems = sorted;
  }
}

/** A file that is no manifest at all can have a problem on every line; nobody reads all of those. */
const MOST_SHOWN = 100;

function inOrder(problems: readonly ManifestProblem[]): ManifestProblem[] {
  return [...problems].sort((a, b) => a.line - b.line || a.column - b.column);
}

/** The lines that a user sees for one problem. */
function renderProblem(path: string, text: readonly string[], problem: ManifestProblem): string[] {
  const place = `${path}:${problem.line}:${problem.column}`;
  const lines = [printable(`${place}: ${problem.message}`)];
  const source = text[problem.line - 1] ?? '';
  if (source.trim() !== '') lines.push(...excerpt(source, problem));
  const [first, ...more] = problem.hint?.split('\n').map(printable) ?? [];
  if (first !== undefined) lines.push(`  hint: ${first}`);
  return [...lines, ...more.map((line) => `        ${line}`)];
}

const WIDEST_EXCERPT = 100;
const BEFORE_CARET = 60;

/** The line and the caret. Of a long line, the part around the caret. */
function excerpt(source: string, problem: ManifestProblem): string[] {
  const shown = mask(source, problem);
  const offset = problem.column - 1;
  const cut = shown.length > WIDEST_EXCERPT && offset > BEFORE_CARET ? offset - BEFORE_CARET : 0;
  const start = cut > 0 ? '…' : '';
  const rest = cut + WIDEST_EXCERPT < shown.length ? '…' : '';
  const line = `${start}${shown.slice(cut, cut + WIDEST_EXCERPT)}${rest}`;
  const margin = `  ${problem.line} | `;
  const padding = ' '.repeat(start.length + Array.from(source.slice(cut, offset)).length);
  return [`${margin}${printable(line)}`, `${' '.repeat(margin.length - 2)}| ${padding}^`];
}

/** Keys whose values are not for logs, known ones (`password-hash`) and likely mistakes (`passwd`). */
const SECRET_KEY = /((?:pass(?:word|wd|phrase)?|secret|token|private)[\w-]*["']?\s*:\s*)\S.*/i;

function mask(source: string, { secret, column }: ManifestProblem): string {
  const masked = source.replace(SECRET_KEY, '$1********');
  if (secret === true && masked === source) return `${source.slice(0, column - 1)}********`;
  return withoutCredentials(masked);
}
