/**
 * The main job, as the README tells it: examples/hello is built in a real machine, exported and verified.
 * That takes minutes, so it is done once in a run of the machine tests, by whichever file comes first.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inject } from 'vitest';
import { type Ended, PvmcProcess, type Said } from './pvmc-process.ts';

export interface HelloBuild {
  /** The output folder. */
  readonly folder: string;
  /** The build's own folder; its disk is kept. */
  readonly buildFolder: string;
  readonly ova: string;
  readonly ended: Ended;
}

/** Machine tests run one file after the other, so nobody else builds at the same time. */
export async function helloBuild(): Promise<HelloBuild> {
  const folder = join(inject('runFolder'), 'hello');
  const record = join(folder, 'ended.json');
  const ended = await readFile(record, 'utf8').then(
    (text) => JSON.parse(text) as Ended,
    () => build(folder, record),
  );
  const buildFolder = String(saidOf(ended, 'build-started')?.['folder']);
  return { folder, buildFolder, ova: join(folder, 'hello-1.0.0.ova'), ended };
}

export function saidOf({ said }: Ended, type: string): Said | undefined {
  return said.find((one) => one.type === type);
}

/** The constructor's steps that were done. */
export function stepsOf({ said }: Pick<Ended, 'said'>): readonly unknown[] {
  return said.flatMap((one) => (one.type === 'step-started' ? [one['step']] : []));
}

async function build(folder: string, record: string): Promise<Ended> {
  await mkdir(folder);
  const argv = ['build', 'examples/hello', '-o', folder, '--keep', 'always'];
  const ended = await new PvmcProcess(argv).ended;
  await writeFile(record, JSON.stringify(ended));
  if (ended.status !== 0) process.stdout.write(`${await tellFailure(ended)}\n`);
  return ended;
}

/** Whoever reads the test's output has nothing else of that machine. */
async function tellFailure(ended: Ended): Promise<string> {
  const failed = JSON.stringify(saidOf(ended, 'build-failed'), undefined, 1);
  const path = join(String(saidOf(ended, 'build-started')?.['folder']), 'build.log');
  const log = await readFile(path, 'utf8').catch(() => '');
  return [ended.stderr, failed, ...log.split('\n').slice(-60)].join('\n');
}
