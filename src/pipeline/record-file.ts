/** The file that says of a folder what pvmc did there. */
import { open, readFile, rename } from 'node:fs/promises';
import { z } from 'zod';
import { systemCodeOf } from '../system/error.ts';

/** What the file says; undefined when there is none that can be read. */
export async function readRecordFile<T>(
  path: string,
  schema: z.ZodType<T>,
): Promise<T | undefined> {
  try {
    return schema.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch (thrown) {
    const unreadable =
      thrown instanceof z.ZodError ||
      thrown instanceof SyntaxError ||
      ['ENOENT', 'ENOTDIR', 'EACCES'].includes(systemCodeOf(thrown) ?? '');
    if (unreadable) return undefined;
    throw thrown;
  }
}

/** Replaces it: whatever moment the process or the computer ends at, one of both is there, and whole. */
export async function writeRecordFile(path: string, record: object): Promise<void> {
  const fresh = `${path}.new`;
  const file = await open(fresh, 'w', 0o600);
  try {
    await file.writeFile(`${JSON.stringify(record, undefined, 1)}\n`);
    // A power cut must not leave an empty one under its name.
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(fresh, path);
}
