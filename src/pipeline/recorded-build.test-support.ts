/** Records of builds as they would be after a run, in a temporary output folder. */
import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { outputOf } from './outputs.ts';
import { type BuildRecord, writeRecord } from './record.ts';

export function makeOutputFolder(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'pvmc-pipeline-'));
}

/** Nothing that runs: pids are far smaller. */
export const GONE = { processId: 2 ** 30, startTime: '1' };

let built = 0;

/** A build with a medium, a disk, a checkpoint and an export, whose keys are the stages' names. */
export async function makeRecorded(
  outputFolder: string,
  change: Partial<BuildRecord> = {},
): Promise<{ readonly path: string; readonly record: BuildRecord }> {
  built += 1;
  const build = `${change.appliance ?? 'tiny'}-1.0-${String(built).padStart(3, '0')}`;
  const path = join(outputFolder, 'builds', build);
  await mkdir(join(path, 'export'), { recursive: true });
  const file = async (name: string) => {
    await writeFile(join(path, name), `${name} of ${build}`);
    return outputOf(path, join(path, name));
  };
  const disk = await file('disk.raw');
  const done = { seconds: 1, result: 'done' };
  const output = await file('export/tiny-1.0.ova');
  const checksum = await file('export/tiny-1.0.ova.sha256');
  const record: BuildRecord = {
    version: 1,
    pvmc: '0.1.0',
    build,
    appliance: 'tiny',
    applianceVersion: '1.0',
    manifestPath: join(outputFolder, 'appliance.yaml'),
    outputFolder,
    inputs: 'inputs',
    machine: { memoryBytes: 2 ** 30, cpus: 2, firmware: 'bios', diskBytes: 2 ** 33 },
    keep: 'latest',
    owner: GONE,
    began: new Date(Date.UTC(2026, 0, 1, 0, built)).toISOString(),
    outcome: 'succeeded',
    stages: {
      media: { ...done, key: 'media', medium: await file('medium.iso') },
      construct: { ...done, key: 'construct', disk },
      export: {
        ...done,
        key: 'export',
        files: [{ format: 'ova', sha256: 'ab', output, checksum }],
      },
      verify: { ...done, key: 'verify' },
    },
    checkpoint: { key: 'install', disk: await file('checkpoint.raw') },
    ...change,
  };
  await writeRecord(path, record);
  return { path, record };
}
