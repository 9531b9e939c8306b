/** What processes that were killed have left behind, told by the process ids in its names. */
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { startTimeOf } from './start-time.ts';

/**
 * Removes from a folder whatever begins with `start`, has a name whose rest matches, and belongs to a process
 * that has ended: the first group of `rest` is its id. In a folder that cannot be read there is nothing to remove.
 */
export async function removeAbandoned(folder: string, start: string, rest: RegExp): Promise<void> {
  for (const name of await readdir(folder).catch(() => [])) {
    if (!name.startsWith(start)) continue;
    const [, pid] = rest.exec(name.slice(start.length)) ?? [];
    if (pid !== undefined && (await startTimeOf(Number(pid))) === undefined)
      await rm(join(folder, name), { recursive: true, force: true });
  }
}
