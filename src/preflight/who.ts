/** Who runs us, and what commands that need root must begin with. */
import { access, constants } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { cleanEnvironment } from '../system/run.ts';

export interface Who {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  /** A line for a shell as this user has to type it when only root may do what it does. */
  readonly asRoot: (command: string) => string;
}

/** This process's user. */
export async function whoRunsUs(): Promise<Who> {
  const uid = process.getuid?.() ?? 0;
  const gid = process.getgid?.() ?? 0;
  return { name: nameOf(uid), uid, gid, asRoot: await rootPrefix(uid) };
}

async function rootPrefix(uid: number): Promise<Who['asRoot']> {
  if (uid === 0) return (command) => command;
  // A Debian whose root has a password need not have it.
  if ((await findProgram('sudo')) === undefined)
    return (command) => `su --login --command ${quoted(command)}`;
  return (command) =>
    /[>|;&]/.test(command) ? `sudo sh -c ${quoted(command)}` : `sudo ${command}`;
}

function quoted(command: string): string {
  return `'${command.replaceAll("'", "'\\''")}'`;
}

/** A container may run us under a number without a name. */
function nameOf(uid: number): string {
  try {
    return userInfo().username;
  } catch {
    return String(uid);
  }
}

/** Where a program is, in the folders in which `run` looks for it. */
export async function findProgram(name: string): Promise<string | undefined> {
  for (const folder of (cleanEnvironment()['PATH'] ?? '').split(':')) {
    const path = join(folder, name);
    if (folder !== '' && (await isThere(path, constants.X_OK))) return path;
  }
  return undefined;
}

export function isThere(path: string, mode: number = constants.F_OK): Promise<boolean> {
  return access(path, mode).then(
    () => true,
    () => false,
  );
}
