/** What verify found, in the words of a person and for a program. */
import { writeFile } from 'node:fs/promises';
import { counted } from '../system/counted.ts';
import { secondsSince } from '../system/elapsed.ts';
import { PvmcError } from '../system/error.ts';

export interface VerifyCheck {
  /** `digests`, `boots under BIOS`, `port 22 under UEFI`, … */
  readonly name: string;
  readonly outcome: 'passed' | 'failed' | 'skipped';
  /** Why it failed or was skipped, or what was seen. One line. */
  readonly detail?: string | undefined;
  /** What belongs to it: the output of a check, the last lines of the console. */
  readonly lines?: readonly string[] | undefined;
  /** Of the error that made it fail, where one did. */
  readonly code?: string | undefined;
  readonly seconds: number;
}

export interface VerifyReport {
  readonly checks: readonly VerifyCheck[];
  /** The folder with `report.json`, the pictures of the screen and the logs. */
  readonly folder: string;
  /** The pictures, one for each firmware under which the machine was started. */
  readonly screenshots: readonly string[];
}

/** Does some work that passes unless it throws a failure of the appliance. */
export async function checkOf(
  name: string,
  work: () => Promise<string | undefined>,
): Promise<VerifyCheck> {
  const started = performance.now();
  try {
    const detail = await work();
    return { name, outcome: 'passed', detail, seconds: secondsSince(started) };
  } catch (thrown) {
    // A file that is broken has not passed. Everything else has nothing to do with the file.
    if (!(thrown instanceof PvmcError) || thrown.kind !== 'input') throw thrown;
    const { message: detail, details: lines, code } = thrown;
    return { name, outcome: 'failed', detail, lines, code, seconds: secondsSince(started) };
  }
}

export function skipped(name: string, detail: string): VerifyCheck {
  return { name, outcome: 'skipped', detail, seconds: 0 };
}

/**
 * The error that a report amounts to; undefined when nothing failed. A check that was skipped because
 * another one failed is not counted again.
 */
export function verificationFailure(
  { checks, folder }: VerifyReport,
  path: string,
): PvmcError | undefined {
  const failed = checks.filter(({ outcome }) => outcome === 'failed');
  if (failed.length === 0) return undefined;
  return new PvmcError({
    kind: 'verify',
    code: 'verify-failed',
    message: `${path} did not pass ${failed.length} of ${counted(checks.length, 'check')}`,
    hint: `The pictures of the screen, the console logs and report.json are in ${folder}.`,
    details: failed.flatMap(({ name, detail, lines = [] }) => [
      detail === undefined ? name : `${name}: ${detail}`,
      ...lines.slice(-LINES_SHOWN).map((line) => `    ${line}`),
    ]),
  });
}

const LINES_SHOWN = 12;

export async function writeReport(path: string, report: VerifyReport): Promise<void> {
  await writeFile(path, `${JSON.stringify(report, undefined, 2)}\n`);
}
