import { expect, it } from 'vitest';
import { findVBoxManage, type Surroundings } from './locate.ts';

function find(installed: readonly string[], rest: Partial<Surroundings>): Promise<string> {
  return findVBoxManage({
    platform: 'linux',
    environment: { PATH: '/usr/local/bin:/usr/bin' },
    isProgram: async (path) => installed.includes(path),
    ...rest,
  });
}

it.each([
  ['one on PATH', ['/usr/local/bin/VBoxManage', '/usr/lib/virtualbox/VBoxManage'], {}],
  ['the real one, not the script', ['/usr/lib/virtualbox/VBoxManage', '/usr/bin/VBoxManage'], {}],
  ['the script, where nothing else is known', ['/usr/bin/VBoxManage'], {}],
  [
    'the one in the application',
    ['/Applications/VirtualBox.app/Contents/MacOS/VBoxManage'],
    { platform: 'darwin' as const },
  ],
  [
    'where the installer says that it has put it',
    ['D:\\VirtualBox\\VBoxManage.exe'],
    {
      platform: 'win32' as const,
      environment: { Path: 'C:\\Windows', VBOX_MSI_INSTALL_PATH: 'D:\\VirtualBox\\' },
    },
  ],
  [
    'the usual place',
    ['C:\\Program Files\\Oracle\\VirtualBox\\VBoxManage.exe'],
    { platform: 'win32' as const, environment: {} },
  ],
])('finds %s', async (_, installed, rest) => {
  expect(await find(installed, rest)).toBe(installed[0]);
});

it('says what to install', async () => {
  await expect(find([], {})).rejects.toMatchObject({ code: 'virtualbox-missing' });
});
