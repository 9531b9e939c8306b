/** What every appliance needs beside the packages that its manifest names. */
import type { Manifest } from '../manifest/schema.ts';

/** A system that boots, under both firmwares, with a network, and that can be updated. */
const ALWAYS: readonly string[] = [
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
];

/** The packages that pvmc adds, and why: each manifest setting that needs one. */
export function extraPackages(manifest: Manifest): readonly string[] {
  const added = [...ALWAYS];
  if (!['C.UTF-8', 'C', 'POSIX'].includes(manifest.locale)) added.push('locales');
  if (manifest.keyboard !== 'us') added.push('console-setup', 'keyboard-configuration');
  return added;
}
