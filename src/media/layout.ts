/** Where things are: on the medium, and on the running system that was booted from it. */

/** The boot medium's mount point in the guest. */
export const MEDIUM_MOUNT = '/run/pvmc/medium';

/** Holds the medium's id, by which the initial RAM file system knows its own medium from another. */
export const MEDIUM_ID_PATH = 'pvmc/medium-id';

export const MEDIUM_PATHS = {
  kernel: 'boot/vmlinuz',
  initrd: 'boot/initrd',
  grubConfiguration: 'boot/grub/grub.cfg',
  biosImage: 'boot/grub/bios.img',
  /** Also on the EFI system partition. */
  efiConfiguration: 'efi/grub.cfg',
  system: 'pvmc/system.squashfs',
  mediumId: MEDIUM_ID_PATH,
  /** The SHA-256 of every file, as sha256sum writes and reads it. */
  checksums: 'pvmc/sha256sums',
} as const;

/** The files that a base consists of, in its folder. */
export const BASE_FILES = {
  kernel: 'vmlinuz',
  initrd: 'initrd',
  system: 'system.squashfs',
  biosImage: 'bios.img',
  hybridBoot: 'boot-hybrid.img',
  efiProgram: 'bootx64.efi',
} as const;
