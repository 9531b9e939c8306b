/** The initial RAM file system: busybox, the drivers that find the medium, and our script. */
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { type CpioEntry, cpioArchive } from './cpio.ts';
import { FATAL_PATH, FATAL_SCRIPT } from './fatal-script.ts';
import { APPLETS, INIT_SCRIPT } from './initrd-script.ts';

export interface InitrdParts {
  /** A static busybox. */
  readonly busyboxPath: string;
  /** Holds `lib/modules/RELEASE/` with modules, not compressed, and their tables. */
  readonly modulesFolder: string;
  readonly sourceDateEpoch: number;
}

export async function initrdArchive(parts: InitrdParts): Promise<Buffer> {
  const modules = await moduleFiles(parts.modulesFolder);
  const files: CpioEntry[] = [
    { type: 'file', path: 'init', mode: 0o755, content: Buffer.from(INIT_SCRIPT) },
    { type: 'file', path: FATAL_PATH, mode: 0o755, content: Buffer.from(FATAL_SCRIPT) },
    {
      type: 'file',
      path: 'bin/busybox',
      mode: 0o755,
      content: await readFile(parts.busyboxPath),
    },
    ...APPLETS.map(
      (name) => ({ type: 'symlink', path: `bin/${name}`, target: 'busybox' }) as const,
    ),
    ...modules,
  ];
  const mountPoints = ['dev', 'proc', 'root', 'run', 'sys'];
  const folders = new Set([...mountPoints, ...files.flatMap((file) => parentsOf(file.path))]);
  return cpioArchive(
    [
      ...[...folders].sort().map((path) => ({ type: 'folder', path, mode: 0o755 }) as const),
      // The kernel opens it before the script can mount anything.
      { type: 'character-device', path: 'dev/console', mode: 0o600, major: 5, minor: 1 },
      ...files,
    ],
    parts.sourceDateEpoch,
  );
}

async function moduleFiles(folder: string): Promise<CpioEntry[]> {
  const found = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = found
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .sort();
  return Promise.all(
    paths.map(async (path) => ({
      type: 'file',
      path,
      mode: 0o644,
      content: await readFile(join(folder, path)),
    })),
  );
}

function parentsOf(path: string): string[] {
  const parent = dirname(path);
  return parent === '.' ? [] : [...parentsOf(parent), parent];
}
