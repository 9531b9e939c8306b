/**
 * Why a boot did not come to its end, told from evidence: how the machine ended, what its console
 * showed last, what the probe said.
 */
import { lastSign } from '../console/signs.ts';
import { endedFromOutside } from '../hypervisors/ended-from-outside.ts';
import type { MachineEvent } from '../hypervisors/hypervisor.ts';
import { messageOf } from '../system/error.ts';
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
  const sign = lastSign(evidence.console)?.reason;
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
    case 'panicked':
      return 'the kernel panicked';
    case 'killed':
    case 'crashed':
    case 'stalled':
    case 'disk-error':
      return messageOf(endedFromOutside(event));
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
