/** Short facts that the kernel and the system tell in files, which may be missing or unreadable. */
import { readFile } from 'node:fs/promises';

/** The text of a file without the white space around; undefined when it cannot be read. */
export async function textOf(path: string): Promise<string | undefined> {
  try {
    return (await readFile(path, 'utf8')).trim();
  } catch {
    return undefined;
  }
}

/** The number in a file; undefined when there is none. */
export async function numberOf(path: string): Promise<number | undefined> {
  const text = await textOf(path);
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}

/** Numbers of a version, for comparing: `7.2.10` and `6.12.118+deb13-amd64` alike. */
export function versionNumbers(text: string): readonly number[] {
  return (/\d+(?:\.\d+)*/.exec(text)?.[0] ?? '').split('.').map(Number);
}

/** Whether a version is at least another. */
export function isAtLeast(version: readonly number[], least: readonly number[]): boolean {
  for (const [index, wanted] of least.entries()) {
    const given = version[index] ?? 0;
    if (given !== wanted) return given > wanted;
  }
  return true;
}

/** Kind of container that we run in, as far as it can be told: `docker`, `podman`, `lxc`. */
export async function containerKind(root = '/'): Promise<string | undefined> {
  // systemd in a container, and the managers that follow its interface, tell it here.
  const told = await textOf(`${root}run/systemd/container`);
  if (told !== undefined && told !== '') return told;
  if ((await textOf(`${root}run/.containerenv`)) !== undefined) return 'podman';
  return (await textOf(`${root}.dockerenv`)) === undefined ? undefined : 'docker';
}

/** Whether the system is Debian, whose packages we can name. */
export async function isDebian(releasePath = '/etc/os-release'): Promise<boolean> {
  return /^ID=["']?debian["']?$/m.test((await textOf(releasePath)) ?? '');
}
