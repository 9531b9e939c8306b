/** GRUB's menu on the medium, and how its EFI program finds the medium. */
import { MEDIUM_PATHS } from './layout.ts';
import { MODE_PARAMETER, MODES } from './modes.ts';

/**
 * For a system that boots once, on a processor that may be an emulated one, and runs nothing foreign:
 * no self-tests, no mitigations, no auditing, no watchdogs. Messages of errors still show.
 *
 * `norandmaps` matters most: with random addresses QEMU 7.2 translates all that a program runs, the C
 * library included, anew at each start, which makes starting one almost three times as dear. Next
 * comes `init_on_alloc=0`: pages are not filled with zeroes that their owner overwrites.
 */
const KERNEL_PARAMETERS: readonly string[] = [
  'quiet',
  'loglevel=4',
  'mitigations=off',
  'nowatchdog',
  'lsm=capability',
  'audit=0',
  'cryptomgr.notests',
  'random.trust_cpu=on',
  'no_timer_check',
  'tsc=reliable',
  'norandmaps',
  'init_on_alloc=0',
  'hardened_usercopy=off',
  'randomize_kstack_offset=off',
  'net.ifnames=0',
  'systemd.show_status=0',
  // A panic stays on the screen, and the hypervisor hears of it.
  'panic=0',
];

const CONSOLES = 'console=tty0 console=ttyS0,115200n8';

/**
 * What the EFI program reads first. It was loaded from the CD itself or, on a USB stick, from a file
 * system of its own, so it looks for the medium by the file that only this medium has.
 */
export function efiStartConfiguration(mediumId: string): string {
  return `search --no-floppy --file --set=root /${mediumMarkerPath(mediumId)}
set prefix=($root)/boot/grub
configfile $prefix/grub.cfg
`;
}

export function mediumMarkerPath(mediumId: string): string {
  return `pvmc/id-${mediumId}`;
}

export function grubConfiguration(mediumId: string): string {
  const linux = `linux /${MEDIUM_PATHS.kernel} pvmc.medium=${mediumId} ${KERNEL_PARAMETERS.join(' ')} ${CONSOLES}`;
  const initrd = `initrd /${MEDIUM_PATHS.initrd}`;
  return `if serial --unit=0 --speed=115200; then terminal_output console serial; fi
set default=${MODES[0]?.name}
set timeout_style=hidden
set timeout=0
# Shift, held while the machine starts, shows the menu.
if keystatus --shift; then
  set timeout_style=menu
  set timeout=-1
  # Only here: with it, GRUB takes several times as long to load the kernel.
  terminal_input console serial
fi
${MODES.map(
  ({ name, title }) => `menuentry '${title}' --id ${name} {
  ${linux} ${MODE_PARAMETER}=${name}
  ${initrd}
}`,
).join('\n')}
menuentry 'Start from the first disk' --id disk {
  if [ "$grub_platform" = efi ]; then exit; else set root=(hd0); chainloader +1; fi
}
`;
}
