/** Reading the file that says of a folder what pvmc did there. */
import { readFile } from 'node:fs/promises';
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
