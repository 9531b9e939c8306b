/**
 * What a console shows when the guest goes no further: texts that firmware, GRUB, Linux, an initramfs,
 * systemd and our own medium print when they give up. What they print in passing is not among them,
 * nor is a kernel oops, which many a guest survives.
 */

/** The codes are those of the errors that a build ends with. */
export type SignCode =
  | 'nothing-to-boot'
  | 'boot-loader-stuck'
  | 'guest-panicked'
  | 'initramfs-stuck'
  | 'emergency-mode'
  | 'medium-gave-up';

export interface Sign {
  readonly code: SignCode;
  /** A clause: `the kernel panicked: …`. */
  readonly reason: string;
  /** The line that shows it, word for word. */
  readonly line: string;
}

interface KnownSign {
  readonly code: SignCode;
  readonly pattern: RegExp;
  readonly reason: (match: RegExpExecArray, console: readonly string[]) => string;
}

const KNOWN_SIGNS: readonly KnownSign[] = [
  {
    code: 'nothing-to-boot',
    pattern: /BdsDxe: No bootable option or device|^No bootable device|^UEFI Interactive Shell/,
    reason: () => 'the firmware found nothing to boot',
  },
  {
    code: 'boot-loader-stuck',
    pattern: /^(?:Entering rescue mode|grub rescue>)/,
    reason: (_match, console) =>
      `GRUB did not find its files and stopped at its rescue prompt${grubError(console)}`,
  },
  {
    code: 'boot-loader-stuck',
    pattern: /^(?:grub>|Minimal BASH-like line editing)/,
    reason: (_match, console) =>
      `GRUB found no configuration and shows its prompt${grubError(console)}`,
  },
  {
    code: 'boot-loader-stuck',
    pattern: /^error: .*you need to load the kernel first/,
    reason: (_match, console) => `GRUB could not load the kernel${grubError(console)}`,
  },
  {
    code: 'guest-panicked',
    pattern: /(?<!\[ end )Kernel panic - not syncing: ?(.*)/,
    reason: ([, why = '']) => `the kernel panicked${why === '' ? '' : `: ${why}`}`,
  },
  {
    code: 'medium-gave-up',
    pattern: /^(?:\[[ \d.]+\] )?PVMC FATAL: (.*)/,
    reason: ([, why = '']) => `the medium could not go on: ${why}`,
  },
  {
    code: 'initramfs-stuck',
    pattern: /ALERT! +(\S+) does not exist/,
    reason: ([, what = '']) => `the initramfs did not find the root file system ${what}`,
  },
  {
    code: 'initramfs-stuck',
    pattern: /^\(initramfs\)/,
    reason: () => 'the boot ended in the shell of the initramfs: there was no root to go on with',
  },
  {
    code: 'emergency-mode',
    pattern: /You are in (emergency|rescue) mode/,
    reason: ([, mode = '']) => `the system is in ${mode} mode`,
  },
  {
    code: 'emergency-mode',
    pattern: /Cannot open access to console, the root account is locked/,
    reason: () => 'the system is in emergency mode',
  },
];

/** The latest sign among a console's lines. */
export function lastSign(console: readonly string[]): Sign | undefined {
  for (const line of console.toReversed()) {
    const sign = signOf(line, console);
    if (sign) return sign;
  }
  return undefined;
}

/** The earliest sign among a console's lines: what follows is often its consequence. */
export function firstSign(console: readonly string[]): Sign | undefined {
  for (const line of console) {
    const sign = signOf(line, console);
    if (sign) return sign;
  }
  return undefined;
}

function signOf(line: string, console: readonly string[]): Sign | undefined {
  for (const { code, pattern, reason } of KNOWN_SIGNS) {
    const match = pattern.exec(line);
    if (match) return { code, reason: reason(match, console), line };
  }
  return undefined;
}

/** GRUB's last complaint: `error: no such device: 2b1c….` */
function grubError(console: readonly string[]): string {
  const said = console.findLast(
    (line) => line.startsWith('error: ') && !line.includes('load the kernel first'),
  );
  return said === undefined ? '' : ` (${said.slice('error: '.length).replace(/\.$/, '')})`;
}
