/** The folder of a build of the smallest appliance, in a temporary one. */
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BuildFolder, makeBuildFolder } from './build-folder.ts';

export interface TinyBuild {
  readonly output: string;
  readonly folder: BuildFolder;
}

export async function makeTinyBuild(): Promise<TinyBuild> {
  const output = await mkdtemp(join(tmpdir(), 'pvmc-pipeline-'));
  const folder = await makeBuildFolder({
    outputFolder: output,
    appliance: 'tiny',
    version: '1.0',
    manifestText: '',
    now: new Date(0),
  });
  return { output, folder };
}
