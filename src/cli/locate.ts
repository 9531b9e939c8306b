/** The file that a user means with an argument. Manifests are found by their reader. */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { PvmcError, systemCodeOf } from '../system/error.ts';

/**
 * Refuses anything but a file that is there.
 * @param wanted of a folder, as some exports are, the file in it that can be given
 */
export async function requireFile(path: string, wanted = /\.(ova|ovf)$/i): Promise<void> {
  const kind = await kindOf(path);
  if (kind === 'file') return;
  throw new PvmcError({
    kind: 'input',
    code: 'file-missing',
    message: kind === 'folder' ? `${path} is a folder` : `there is no file ${path || '""'}`,
    hint: `Give the path of an appliance, e.g. ${(await fileIn(path, wanted)) ?? 'out/hello-1.0.ova'}.`,
  });
}

async function fileIn(folder: string, wanted: RegExp): Promise<string | undefined> {
  const names = await readdir(folder).catch(() => []);
  const name = names.find((one) => wanted.test(one));
  return name && join(folder, name);
}

async function kindOf(path: string): Promise<'file' | 'folder' | 'missing'> {
  try {
    return (await stat(path)).isDirectory() ? 'folder' : 'file';
  } catch (thrown) {
    const code = systemCodeOf(thrown);
    if (code === 'ENOENT' || code === 'ENOTDIR') return 'missing';
    throw thrown;
  }
}
