/** Where what is worth keeping between builds lies (XDG Base Directory Specification). */
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';

/** The given folder, or the user's usual one. */
export function cacheFolder(given: string | undefined): string {
  if (given !== undefined) return given;
  const configured = process.env['XDG_CACHE_HOME'];
  // A relative one is to be ignored, says the specification.
  const parent = configured && isAbsolute(configured) ? configured : join(homedir(), '.cache');
  return join(parent, 'pvmc');
}
