import { expect, test } from 'vitest';
import { mmdebstrapCommand } from './debian.ts';

test('a work folder with a blank in its name is one word of mmdebstrap’s hooks', () => {
  const command = mmdebstrapCommand({
    mirror: 'http://deb.example.org/debian',
    sourceDateEpoch: 0,
    workFolder: '/home/me/my cache',
    temporaryFolder: '/tmp',
  });
  expect(command).toContain("--extract-hook=tar-in '/home/me/my cache/customize.tar' /");
  expect(command).toContain('/home/me/my cache/system.tar');
});
