/** Makes all checks at once. None may hang, and none that fails takes the others with it. */
import { setMaxListeners } from 'node:events';
import { messageOf, PvmcError } from '../system/error.ts';
import { type Check, type CheckResult, type Cure, type Finding, warning } from './finding.ts';

export interface DiagnoseOptions {
  readonly signal: AbortSignal;
  /** For each check. */
  readonly deadlineSeconds?: number | undefined;
}

/**
 * Each look takes milliseconds, and on a core that others keep busy a thousand times that: 4 s have ended
 * builds on computers where nothing was wrong. Only what hangs takes this long.
 */
export const DEADLINE_SECONDS = 30;

/** The results in the order of the checks. @throws the signal's reason when it is aborted. */
export async function diagnose(
  checks: readonly Check[],
  { signal, deadlineSeconds = DEADLINE_SECONDS }: DiagnoseOptions,
): Promise<readonly CheckResult[]> {
  const whole = AbortSignal.any([signal]);
  // Each check listens.
  setMaxListeners(0, whole);
  const results = await Promise.all(
    checks.map(async (check) => ({
      name: check.name,
      findings: withCuresOnce(await lookInTime(check, whole, deadlineSeconds)),
    })),
  );
  signal.throwIfAborted();
  return results;
}

/** A call of the system that hangs, on a file server that is gone, cannot be ended: it is left alone. */
async function lookInTime(
  check: Check,
  signal: AbortSignal,
  seconds: number,
): Promise<readonly Finding[]> {
  const end = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<readonly Finding[]>((resolve) => {
    timer = setTimeout(() => {
      resolve([
        { state: check.ifItHangs, finding: `the look at it did not end within ${seconds} s` },
      ]);
      end.abort();
    }, seconds * 1000);
    signal.addEventListener('abort', () => resolve([]), { once: true });
  });
  const looked = check
    .look(AbortSignal.any([signal, end.signal]))
    .catch((thrown: unknown) => [warning(`could not be looked at: ${messageOf(thrown)}`)]);
  try {
    return await Promise.race([looked, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** A cure of several findings that follow each other comes with the last of them. */
function withCuresOnce(findings: readonly Finding[]): readonly Finding[] {
  return findings.map((found, index) => {
    const next = findings[index + 1]?.cure;
    const same = next !== undefined && JSON.stringify(next) === JSON.stringify(found.cure);
    return same ? { state: found.state, finding: found.finding } : found;
  });
}

/** Whether a build can run: nothing that was found prevents it. */
export function isReady(results: readonly CheckResult[]): boolean {
  return results.every(({ findings }) => findings.every(({ state }) => state !== 'problem'));
}

/**
 * One error for all that keeps a build from running, each problem with its cure unless they have been
 * told already; undefined if nothing does.
 */
export function notReady(
  results: readonly CheckResult[],
  problems: 'listed' | 'told' = 'listed',
): PvmcError | undefined {
  const found = results.flatMap(({ name, findings }) =>
    findings.filter(({ state }) => state === 'problem').map((each) => ({ name, ...each })),
  );
  if (found.length === 0) return undefined;
  const many = found.length > 1;
  const lines = found.flatMap(({ name, finding, cure }) => [
    `${name}: ${finding}`,
    ...cureLines(cure).map((line) => `  ${line}`),
  ]);
  return new PvmcError({
    kind: 'host',
    code: 'not-ready',
    message: many
      ? `${found.length} problems of this computer keep builds from running`
      : 'a problem of this computer keeps builds from running',
    details: problems === 'listed' ? lines : [],
    hint: `pvmc doctor looks again when ${many ? 'they are' : 'it is'} cured.`,
  });
}

/** What to do, then what to paste. */
export function cureLines(cure: Cure | undefined): readonly string[] {
  const { advice, commands = [] } = cure ?? {};
  return [...(advice === undefined ? [] : [advice]), ...commands.map((command) => `$ ${command}`)];
}

/** What a build says of warnings before it goes on, one line each. */
export function warningLines(results: readonly CheckResult[]): readonly string[] {
  return results.flatMap(({ name, findings }) =>
    findings
      .filter(({ state }) => state === 'warning')
      .map(({ finding, cure }) => {
        const todo = [cure?.advice ?? [], cure?.commands ?? []].flat();
        return `${name}: ${finding}${todo.length === 0 ? '' : `. To cure it: ${todo.join('; ')}`}`;
      }),
  );
}
