/** The file that a user means with an argument. Manifests are found by their reader. */
import { stat } from 'node:fs/promises';
import { PvmcError, systemCodeOf } from '../system/error.ts';

/** Refuses anything but a file that is there. */
export async function requireFile(path: string): Promise<void> {
  const kind = await kindOf(path);
  if (kind === 'file') return;
  throw new PvmcError({
    kind: 'input',
    code: 'file-missing',
    message: kind === 'folder' ? `${path} is a folder` : `there is no file ${path}`,
    hint: 'Give the path of an appliance, e.g. out/hello-1.0.ova.',
  });
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
