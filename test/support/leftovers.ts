/** What a run has left behind that it should not have: nothing, if all is well. */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { mountsBelow, processesNaming } from './pvmc-process.ts';

/** Everything of a run must be below `folder`; some of it in these folders, which may lie elsewhere. */
export interface RunFolder {
  readonly folder: string;
  readonly outputFolder: string;
  readonly temporaryFolder: string;
  readonly cacheFolder: string;
}

/** Processes, mounts, loop devices, locks and temporary files that are still there, one a line. */
export async function leftovers(run: RunFolder): Promise<string[]> {
  const { folder, outputFolder, temporaryFolder, cacheFolder } = run;
  // What was killed is gone when the kernel has got round to it.
  for (let tries = 0; tries < 50 && processesNaming(folder).length > 0; tries += 1)
    await sleep(100);
  return [
    ...processesNaming(folder).map((command) => `process: ${command}`),
    ...mountsBelow(folder).map((line) => `mount: ${line}`),
    ...loopDevicesOn(folder).map((device) => `loop device: ${device}`),
    ...locksHeld([outputFolder, cacheFolder]).map((path) => `lock: ${path}`),
    ...namesIn(temporaryFolder).map((name) => `temporary file: ${name}`),
    ...unfinishedIn(cacheFolder).map((name) => `unfinished in the cache: ${name}`),
  ];
}

function loopDevicesOn(folder: string): string[] {
  return namesIn('/sys/block').filter((name) => {
    const backing = `/sys/block/${name}/loop/backing_file`;
    return existsSync(backing) && readFileSync(backing, 'utf8').startsWith(folder);
  });
}

/** Files and folders of these that somebody has locked. */
function locksHeld(folders: readonly string[]): string[] {
  const locked = folders
    .flatMap(filesBelow)
    .filter((path) => /\.lock$|\/builds(\/[^/]+)?$/.test(path));
  return locked.filter((path) => {
    try {
      execFileSync('flock', ['--nonblock', path, 'true']);
      return false;
    } catch {
      return true;
    }
  });
}

function unfinishedIn(cacheFolder: string): string[] {
  return namesIn(join(cacheFolder, 'media')).filter((name) => name.startsWith('.'));
}

function filesBelow(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) =>
    join(folder, name),
  );
}

function namesIn(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder) : [];
}
