/**
 * Why a boot did not come to its end, told from evidence: how the machine ended, what its console
 * showed last, what the probe said. The signs are texts that GRUB, the UEFI firmware, Linux, the
 * initramfs and systemd print when they give up; what they print in passing is not among them.
 */
import type { MachineEvent } from '../hypervisors/hypervisor.ts';
import { formatDuration } from '../system/size.ts';

/** Why the wait was over. */
export type Interruption =
  | { readonly type: 'ended'; readonly event: MachineEvent }
  /** The console shows that it goes no further, and nothing was heard after it. */
  | { readonly type: 'stuck' }
  | { readonly type: 'too-long'; readonly seconds: number }
  | { readonly type: 'silent'; readonly seconds: number };

export interface Evidence {
  readonly interruption: Interruption;
  /** The console's last lines, as plain text. */
  readonly console: readonly string[];
  /** The probe has spoken. */
  readonly probeSpoke: boolean;
  /** What the boot still waited for when the probe said so last. */
  readonly waitingFor: readonly string[];
}

interface Sign {
  readonly pattern: RegExp;
  readonly reason: (match: RegExpExecArray, console: readonly string[]) => string;
}

const SIGNS: readonly Sign[] = [
  {
    pattern: /BdsDxe: No bootable option or device|^No bootable device|^UEFI Interactive Shell/,
    reason: () => 'the firmware found nothing to boot on the disk',
  },
  {
    pattern: /^(?:Entering rescue mode|grub rescue>)/,
    reason: (_match, console) =>
      `GRUB did not find its files and stopped at its rescue prompt${grubError(console)}`,
  },
  {
    pattern: /^(?:grub>|Minimal BASH-like line editing)/,
    reason: (_match, console) =>
      `GRUB found no configuration and shows its prompt${grubError(console)}`,
  },
  {
    pattern: /^error: .*you need to load the kernel first/,
    reason: (_match, console) => `GRUB could not load the kernel${grubError(console)}`,
  },
  {
    pattern: /(?<!\[ end )Kernel panic - not syncing: ?(.*)/,
    reason: ([, why = '']) => `the kernel panicked${why === '' ? '' : `: ${why}`}`,
  },
  {
    pattern: /ALERT! +(\S+) does not exist/,
    reason: ([, what = '']) => `the initramfs did not find the root file system ${what}`,
  },
  {
    pattern: /^\(initramfs\)/,
    reason: () => 'the boot ended in the shell of the initramfs: there was no root to go on with',
  },
  {
    pattern: /You are in (emergency|rescue) mode/,
    reason: ([, mode = '']) => `the system is in ${mode} mode`,
  },
  {
    pattern: /Cannot open access to console, the root account is locked/,
    reason: () => 'the system is in emergency mode',
  },
];

/** A console that ends with a login prompt while the probe is silent: it will not speak any more. */
const LOGIN_PROMPT = /(?:^|\s)\S+ login:/;

export function showsLogin(console: readonly string[]): boolean {
  return console.some((line) => LOGIN_PROMPT.test(line));
}

/** Whether the console shows that a machine whose probe is silent goes no further. */
export function showsEnd(console: readonly string[], probeSpoke: boolean): boolean {
  return lastSign(console) !== undefined || (!probeSpoke && showsLogin(console));
}

/** The reason, as a clause: `the kernel panicked: …`. */
export function diagnose(evidence: Evidence): string {
  const { interruption } = evidence;
  const sign = lastSign(evidence.console);
  switch (interruption.type) {
    case 'ended':
      return sign ?? ending(interruption.event);
    case 'stuck':
      return sign ?? withoutProbe(evidence.console);
    case 'too-long':
      return (
        sign ?? `it was not up within ${formatDuration(interruption.seconds)}${lastKnown(evidence)}`
      );
    case 'silent':
      return (
        sign ??
        `nothing was heard for ${formatDuration(interruption.seconds)}${lastKnown(evidence)}`
      );
  }
}

function ending(event: MachineEvent): string {
  switch (event.type) {
    case 'stopped':
      return event.by === 'guest'
        ? 'the system powered itself off'
        : 'the machine was ended from outside';
    case 'reset':
      return 'the system reset itself';
    case 'crashed':
      return `the machine crashed: ${event.reason}`;
    case 'disk-error':
      return `the disk of the machine failed: ${event.reason}`;
  }
}

function lastKnown({ probeSpoke, waitingFor, console }: Evidence): string {
  if (waitingFor.length > 0) return `; the boot still waited for ${waitingFor.join(', ')}`;
  if (probeSpoke) return '; systemd had started, and did not say what it waited for';
  if (showsLogin(console)) return `; ${withoutProbe(console)}`;
  if (console.length > 0)
    return '; systemd never came as far as to start services: see the console and the picture';
  return (
    '; the console is empty: firmware, boot loader and initramfs may speak on the screen only, ' +
    'see the picture'
  );
}

function withoutProbe(console: readonly string[]): string {
  return showsLogin(console)
    ? 'it came to a login prompt, but the probe that should look from inside was not started: ' +
        'that needs systemd 256 or newer'
    : 'it goes no further';
}

function lastSign(console: readonly string[]): string | undefined {
  for (const line of console.toReversed())
    for (const { pattern, reason } of SIGNS) {
      const match = pattern.exec(line);
      if (match) return reason(match, console);
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
