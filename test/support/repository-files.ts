import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The repository's root. */
export const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/**
 * The files that are in the repository or about to be, relative to its root, sorted; narrowed to the
 * given folders or files.
 */
export function repositoryFiles(...paths: readonly string[]): readonly string[] {
  // The clone may belong to somebody else, for instance in a container.
  const git = ['-c', 'safe.directory=*', 'ls-files', '-z'];
  const listed = execFileSync(
    'git',
    git.concat('--cached', '--others', '--exclude-standard', '--', paths),
    { cwd: ROOT, encoding: 'utf8' },
  );
  const files = listed.split('\0').filter((path) => path !== '');
  // A file that was deleted and not committed yet is still listed.
  return files.filter((path) => existsSync(`${ROOT}/${path}`)).sort();
}
