/** What was seen of a fault, as a file from which docs/reliability.md is made. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ROOT } from '../../support/repository-files.ts';

export interface Outcome {
  /** Its place among all faults. */
  readonly index: number;
  readonly group: string;
  readonly fault: string;
  readonly when: string;
  /** The sentence that the user reads. */
  readonly saw: string;
  /** Of the failure; empty when the run went on. */
  readonly code: string;
  /** From the fault to the end of the program, or to the words that the run goes on with. */
  readonly seconds: number;
  /** Names in the build's folder. */
  readonly left: readonly string[];
  /** Whether the build could be taken up again; empty when that was not tried. */
  readonly resumed: string;
  /** Everything that stood on the terminal, with neutral paths. */
  readonly screen: string;
}

/** Ignored by git; `npm run reliability` reads it. */
export const OUTCOMES_FOLDER = join(ROOT, 'fault-outcomes');

export async function record(outcome: Outcome): Promise<void> {
  await mkdir(OUTCOMES_FOLDER, { recursive: true });
  const name = `${outcome.fault.replaceAll(/[^\w]+/g, '-').replaceAll(/^-|-$/g, '')}.json`;
  await writeFile(join(OUTCOMES_FOLDER, name), `${JSON.stringify(outcome, undefined, 1)}\n`);
}
