/**
 * Where VBoxManage is. PATH is asked first. Then come the places where each platform's installer puts it:
 * on macOS and Windows it is often not on PATH. On Linux the one on PATH is usually a shell script around
 * the real one, which on Debian writes warnings into the answers; the real one is taken then.
 */
import { access, constants } from 'node:fs/promises';
import { posix, win32 } from 'node:path';
import { PvmcError } from '../../system/error.ts';

export interface Surroundings {
  readonly platform: NodeJS.Platform;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly isProgram: (path: string) => Promise<boolean>;
}

const HERE: Surroundings = {
  platform: process.platform,
  environment: process.env,
  isProgram: (path) =>
    access(path, constants.X_OK).then(
      () => true,
      () => false,
    ),
};

/** The real ones: Debian's and Oracle's packages, and Oracle's installer of old. */
const LINUX_FOLDERS = ['/usr/lib/virtualbox', '/opt/VirtualBox'];
const LINUX_WRAPPERS = ['/usr/bin/VBoxManage', '/bin/VBoxManage'];
const MACOS_FOLDERS = ['/usr/local/bin', '/Applications/VirtualBox.app/Contents/MacOS'];

/** @throws PvmcError `virtualbox-missing` */
export async function findVBoxManage(surroundings: Surroundings = HERE): Promise<string> {
  for (const path of candidates(surroundings)) {
    if (await surroundings.isProgram(path)) return path;
  }
  throw new PvmcError({
    kind: 'host',
    code: 'virtualbox-missing',
    message: 'VirtualBox is not installed: there is no VBoxManage',
    hint: INSTALL[surroundings.platform] ?? 'https://www.virtualbox.org/wiki/Downloads has it.',
  });
}

const INSTALL: Partial<Record<NodeJS.Platform, string>> = {
  linux:
    'Debian 12 and 13 do not have it: install the package that https://www.virtualbox.org/wiki/Linux_Downloads has.\n' +
    'Where it is installed in a place of its own, put that folder on PATH.',
};

/** In the order in which they are tried. */
function candidates({ platform, environment }: Surroundings): readonly string[] {
  if (platform === 'win32') {
    const folders = [
      ...(environment['PATH'] ?? environment['Path'] ?? '').split(';'),
      environment['VBOX_MSI_INSTALL_PATH'],
      environment['VBOX_INSTALL_PATH'],
      win32.join(environment['ProgramFiles'] ?? 'C:\\Program Files', 'Oracle', 'VirtualBox'),
    ].filter((folder): folder is string => folder !== undefined && folder !== '');
    return folders.map((folder) => win32.join(folder, 'VBoxManage.exe'));
  }
  const onPath = (environment['PATH'] ?? '')
    .split(':')
    .filter((folder) => folder !== '')
    .map((folder) => posix.join(folder, 'VBoxManage'));
  const usual = (platform === 'darwin' ? MACOS_FOLDERS : LINUX_FOLDERS).map((folder) =>
    posix.join(folder, 'VBoxManage'),
  );
  const isWrapper = (path: string) => platform === 'linux' && LINUX_WRAPPERS.includes(path);
  return [
    ...onPath.filter((path) => !isWrapper(path)),
    ...usual,
    ...onPath.filter((path) => isWrapper(path)),
  ];
}
