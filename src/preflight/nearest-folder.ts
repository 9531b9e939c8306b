/** Where a folder that need not be there yet would be made. */
import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { systemCodeOf } from '../system/error.ts';

/** The folder itself, or the one in which it would have to be made. */
export async function nearestFolder(
  path: string,
): Promise<{ readonly folder: string } | { readonly blockedBy: string }> {
  try {
    return (await stat(path)).isDirectory() ? { folder: path } : { blockedBy: path };
  } catch (thrown) {
    const code = systemCodeOf(thrown);
    if ((code !== 'ENOENT' && code !== 'ENOTDIR') || dirname(path) === path) throw thrown;
    return nearestFolder(dirname(path));
  }
}
