/** Prints the log of the construction: that on a disk, which goes further back, or this boot's. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PvmcError } from '../../system/error.ts';
import { disksWithScratch } from '../construction-on-disk.ts';
import { mediumPrograms } from '../medium-programs.ts';
import { LOG_NAME } from '../record.ts';
import { lookInto } from '../scratch-disk.ts';
import { RECORD_FOLDER } from '../steps/scratch.ts';

export async function showLog({ logs }: { readonly logs: string }): Promise<number> {
  const [first] = await disksWithScratch(mediumPrograms);
  const onDisk = first
    ? await lookInto(mediumPrograms, first.scratch, (mounted) =>
        readFile(join(mounted, RECORD_FOLDER, LOG_NAME)),
      ).catch(() => undefined)
    : undefined;
  const log = onDisk ?? (await readFile(join(logs, LOG_NAME)).catch(() => undefined));
  if (log === undefined) {
    throw new PvmcError({
      kind: 'usage',
      code: 'no-construction',
      message:
        'there is no log: nothing was constructed in this boot, nor on a disk of this machine',
      hint: 'constructor status tells what is there; journalctl -b is the system’s own log.',
    });
  }
  process.stdout.write(log);
  return 0;
}
