/**
 * One folder for a whole run of the machine tests: what one file of tests has built, others look at. With
 * `PVMC_TEST_RUN_FOLDER` it is the one named there, which stays: several runs share what the first has built.
 */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { TestProject } from 'vitest/node';

declare module 'vitest' {
  interface ProvidedContext {
    runFolder: string;
  }
}

/** Removed at the end. */
let ownFolder: string | undefined;

export async function setup({ provide }: TestProject): Promise<void> {
  const given = process.env['PVMC_TEST_RUN_FOLDER'];
  if (given === undefined) ownFolder = await mkdtemp(join(tmpdir(), 'pvmc-machine-'));
  else await mkdir(given, { recursive: true });
  provide('runFolder', ownFolder ?? resolve(given ?? ''));
}

export async function teardown(): Promise<void> {
  if (ownFolder !== undefined) await rm(ownFolder, { recursive: true, force: true });
}
