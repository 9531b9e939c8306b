/**
 * The manifest's packages, looked up before apt's resolver sees them: it would take a name that does
 * not exist for a pattern, a file or, with a dash at its end, the wish to remove something.
 */
import { quote } from '../manifest/quote.ts';
import type { Finding } from '../manifest/read.ts';
import { didYouMean } from '../manifest/suggest.ts';
import type { Progress } from '../system/progress.ts';
import { type AptFolder, queryApt } from './apt.ts';

/** Every package of the manifest that the repository does not have. */
export async function packageProblems(
  apt: AptFolder,
  packages: readonly string[],
  progress: Progress,
): Promise<Finding[]> {
  const names = await packageNames(apt, progress);
  const problems: Finding[] = [];
  for (const [index, name] of packages.entries()) {
    if (names.has(name)) continue;
    const providers = await providersOf(apt, name, progress);
    const problem = providers.length > 0 ? onlyProvided(name, providers) : missing(name, names);
    problems.push({ path: ['packages', index], ...problem });
  }
  return problems;
}

/** The names of all packages of which there is a file. */
async function packageNames(apt: AptFolder, progress: Progress): Promise<Set<string>> {
  const { stdout } = await queryApt(apt, ['apt-cache', 'pkgnames'], progress);
  return new Set(stdout.split('\n').filter((name) => name !== ''));
}

/** The packages that provide a virtual one. */
async function providersOf(apt: AptFolder, name: string, progress: Progress): Promise<string[]> {
  const { stdout } = await queryApt(apt, ['apt-cache', 'showpkg', '--', name], progress);
  const [, listed = ''] = stdout.split(/^Reverse Provides:.*$/m);
  const providers = listed.split('\n').map((line) => line.split(' ')[0] ?? '');
  return [...new Set(providers.filter((provider) => provider !== ''))].sort();
}

const MOST_PROVIDERS = 8;

function onlyProvided(name: string, providers: readonly string[]): Omit<Finding, 'path'> {
  const shown = providers.slice(0, MOST_PROVIDERS).join(', ');
  const rest = providers.length > MOST_PROVIDERS ? `, … (${providers.length} in all)` : '';
  return {
    message: `${quote(name)} is no package of its own; others provide it`,
    hint: `name the one that is wanted: ${shown}${rest}`,
  };
}

function missing(name: string, names: ReadonlySet<string>): Omit<Finding, 'path'> {
  return {
    message: `the repository has no package ${quote(name)}`,
    hint: didYouMean(name, ofSimilarLength(name, names)),
  };
}

/** Comparing a word with all of Debian's 70,000 names takes long; most differ by their length alone. */
function ofSimilarLength(word: string, names: ReadonlySet<string>): string[] {
  const edits = Math.max(1, Math.floor(word.length / 3));
  return [...names].filter((name) => Math.abs(name.length - word.length) <= edits).sort();
}
