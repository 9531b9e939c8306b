/** Consoles as real machines wrote them. */
import { describe, expect, it } from 'vitest';
import { consoleLines } from './console-log.ts';
import { firstSign, lastSign } from './signs.ts';

const CLEAR = '\u001b[2J\u001b[01;01H\u001b[=3h\u001b[2J\u001b[01;01H';

describe('a console', () => {
  it.each<[code: string, console: string, reason: string]>([
    [
      'nothing-to-boot',
      `${CLEAR}BdsDxe: failed to load Boot0001 "UEFI QEMU HARDDISK QM00001 ": Not Found\r\n` +
        'BdsDxe: No bootable option or device was found.\r\n' +
        'BdsDxe: Press any key to enter the Boot Manager Menu.\r\n',
      'the firmware found nothing to boot',
    ],
    [
      'nothing-to-boot',
      'Booting from DVD/CD...\r\nBoot failed: Could not read from CDROM (code 0003)\r\nNo bootable device.\r\n',
      'the firmware found nothing to boot',
    ],
    [
      'boot-loader-stuck',
      'error: no such device: 2b1c1e0a-90cf-4b8c-a3b8-8e1a3f2f4d0e.\r\nEntering rescue mode...\r\ngrub rescue> ',
      'GRUB did not find its files and stopped at its rescue prompt (no such device: 2b1c1e0a-90cf-4b8c-a3b8-8e1a3f2f4d0e)',
    ],
    [
      'boot-loader-stuck',
      'Minimal BASH-like line editing is supported. For the first word, TAB\r\n\r\ngrub> ',
      'GRUB found no configuration and shows its prompt',
    ],
    [
      'boot-loader-stuck',
      "error: file `/boot/vmlinuz-6.12' not found.\r\nerror: you need to load the kernel first.\r\n\r\nPress any key to continue...",
      "GRUB could not load the kernel (file `/boot/vmlinuz-6.12' not found)",
    ],
    [
      'guest-panicked',
      '[    2.4] VFS: Cannot open root device "" or unknown-block(0,0): error -6\r\n' +
        '[    2.4] Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)\r\n' +
        '[    2.5] ---[ end Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0) ]---\r\n',
      'the kernel panicked: VFS: Unable to mount root fs on unknown-block(0,0)',
    ],
    [
      'medium-gave-up',
      '\r\nPVMC FATAL: the boot medium 1f2e was not found within 90 seconds\r\n/ # ',
      'the medium could not go on: the boot medium 1f2e was not found within 90 seconds',
    ],
    [
      'initramfs-stuck',
      'Gave up waiting for root file system device.  Common problems:\r\n' +
        'ALERT!  UUID=2b1c1e0a does not exist.  Dropping to a shell!\r\n',
      'the initramfs did not find the root file system UUID=2b1c1e0a',
    ],
    [
      'initramfs-stuck',
      'BusyBox v1.37.0 (Debian 1:1.37.0-6) built-in shell (ash)\r\n\r\n(initramfs) ',
      'the boot ended in the shell of the initramfs: there was no root to go on with',
    ],
    [
      'emergency-mode',
      'You are in emergency mode. After logging in, type "journalctl -xb" to view\r\n\r\n' +
        'Cannot open access to console, the root account is locked.\r\nSee sulogin(8) man page for more details.\r\n',
      'the system is in emergency mode',
    ],
  ])('shows %s', (code, console, reason) => {
    expect(lastSign(consoleLines(console))).toMatchObject({ code, reason });
  });

  it('shows the cause first, and its consequences after it', () => {
    const lines = consoleLines(
      'PVMC FATAL: the system on the medium cannot be mounted\r\n' +
        '[    9.1] Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000100\r\n',
    );
    expect(firstSign(lines)?.line).toBe('PVMC FATAL: the system on the medium cannot be mounted');
    expect(lastSign(lines)?.code).toBe('guest-panicked');
  });

  it.each([
    '[   20.1] BUG: kernel NULL pointer dereference, address: 0000000000000000',
    '[   20.1] Oops: 0000 [#1] PREEMPT SMP NOPTI',
    '[   20.1] INFO: task dpkg:300 blocked for more than 120 seconds.',
    'dpkg: error processing package foo (--configure):',
    'Debian GNU/Linux 13 hello ttyS0',
  ])('may show %j and go on', (line) => {
    expect(lastSign([line])).toBeUndefined();
  });
});
