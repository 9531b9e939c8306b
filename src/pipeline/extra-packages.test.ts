import { describe, expect, test } from 'vitest';
import { manifestSchema } from '../manifest/schema.ts';
import { extraPackages } from './extra-packages.ts';

const extras = (settings: object = {}) =>
  extraPackages(manifestSchema.parse({ name: 'tiny', version: '1.0', ...settings }));

test('every appliance boots, under both firmwares, and can be updated', () => {
  expect(extras()).toEqual([
    'apt',
    'debian-archive-keyring',
    'e2fsprogs',
    'grub-efi-amd64-bin',
    'grub-pc-bin',
    'grub2-common',
    'initramfs-tools',
    'linux-image-amd64',
    'systemd-resolved',
    'systemd-sysv',
    'udev',
    'zstd',
  ]);
});

describe('what a setting needs is added', () => {
  const added = (settings: object) => {
    const always = new Set(extras());
    return extras(settings).filter((name) => !always.has(name));
  };

  test.each([
    [{ locale: 'de_DE.UTF-8' }, ['locales']],
    [{ locale: 'C.UTF-8' }, []],
    [{ keyboard: 'de' }, ['console-setup', 'keyboard-configuration']],
    [{ users: [{ name: 'admin' }] }, []],
    // The manifest has to name it.
    [{ users: [{ name: 'admin', sudo: 'passwordless' }], packages: ['sudo'] }, []],
  ])('%j: %j', (settings, packages) => {
    expect(added(settings)).toEqual(packages);
  });
});
