/**
 * Files that pvmc itself puts on the medium's system, as data, so that what goes in can be read,
 * tested and hashed in one place.
 */
import { packTar, type TarEntry } from 'modern-tar';

export type SystemFile =
  | { readonly path: string; readonly content: string; readonly executable?: boolean }
  | { readonly path: string; readonly target: string };

/** The files as a tar archive, owned by root, every one of the same age. */
export async function systemTar(
  files: readonly SystemFile[],
  sourceDateEpoch: number,
): Promise<Uint8Array> {
  const mtime = new Date(sourceDateEpoch * 1000);
  return packTar([...files].sort(byPath).map((file) => tarEntry(file, mtime)));
}

function tarEntry(file: SystemFile, mtime: Date): TarEntry {
  const owner = { uid: 0, gid: 0, uname: 'root', gname: 'root', mtime };
  if ('target' in file) {
    return {
      header: {
        name: file.path,
        size: 0,
        type: 'symlink',
        linkname: file.target,
        mode: 0o777,
        ...owner,
      },
    };
  }
  const body = new TextEncoder().encode(file.content);
  const mode = file.executable === true ? 0o755 : 0o644;
  return { header: { name: file.path, size: body.length, type: 'file', mode, ...owner }, body };
}

function byPath(one: SystemFile, other: SystemFile): number {
  return one.path < other.path ? -1 : 1;
}
