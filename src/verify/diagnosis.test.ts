/** Consoles as real machines wrote them. */
import { describe, expect, it } from 'vitest';
import { consoleLines } from '../console/console-log.ts';
import { diagnose, type Evidence, showsEnd, showsLogin } from './diagnosis.ts';

const SILENT: Evidence['interruption'] = { type: 'silent', seconds: 300 };

const reasonFor = (console: string, more: Partial<Evidence> = {}) =>
  diagnose({
    interruption: SILENT,
    console: consoleLines(console),
    probeSpoke: false,
    waitingFor: [],
    ...more,
  });

const UEFI = '\u001b[2J\u001b[01;01H\u001b[=3h\u001b[2J\u001b[01;01H';

const GOOD = `${UEFI}BdsDxe: loading Boot0001 "UEFI QEMU HARDDISK QM00001 " from PciRoot(0x0)/Pci(0x1F,0x2)\r
BdsDxe: starting Boot0001 "UEFI QEMU HARDDISK QM00001 " from PciRoot(0x0)/Pci(0x1F,0x2)\r
\u001b[0m\u001b[30m\u001b[40m\u001b[2J\u001b[01;01H\u001b[0m\u001b[37m\u001b[40m\u001b[02;35HGNU GRUB  version 2.12-9\r
\r\u001b[04;02H\u001b[05;03H*Debian GNU/Linux   \u001b[0m
[   20.659638] systemd-ssh-generator[247]: Failed to query local AF_VSOCK CID: Cannot assign requested address\r
\u001b[!p\u001b]104\u0007\u001b[?7h\u001b[6n\u001b[32766;32766H\u001b[6n\r
Debian GNU/Linux 13 hello ttyS0\r
\r
hello login: `;

describe('a console', () => {
  it('of a good boot shows a login prompt and no end of it', () => {
    const lines = consoleLines(GOOD);
    expect(lines[0]).toMatch(/^BdsDxe: loading/);
    expect(lines.slice(-2)).toEqual(['Debian GNU/Linux 13 hello ttyS0', 'hello login:']);
    expect(lines).not.toContain('3h');
    expect(lines).toHaveLength(7);
    expect(showsLogin(lines)).toBe(true);
    expect(showsEnd(lines, true)).toBe(false);
    expect(lines.join('')).not.toMatch(/\p{Cc}/u);
  });

  it('tells why it goes no further', () => {
    const stuck = '[    2.4] Kernel panic - not syncing: VFS: Unable to mount root fs';
    expect(reasonFor(stuck)).toBe('the kernel panicked: VFS: Unable to mount root fs');
    expect(showsEnd(consoleLines(stuck), false)).toBe(true);
  });
});

describe('without a sign on the console', () => {
  it('the boot waits for what the probe named', () => {
    const waitingFor = ['systemd-networkd-wait-online.service'];
    expect(reasonFor(GOOD, { probeSpoke: true, waitingFor })).toBe(
      'nothing was heard for 5 min 00 s; the boot still waited for systemd-networkd-wait-online.service',
    );
  });

  it('the probe was never started', () => {
    expect(reasonFor(GOOD)).toContain('needs systemd 256 or newer');
    expect(reasonFor(GOOD, { interruption: { type: 'stuck' } })).toContain('systemd 256 or newer');
  });

  it('the kernel came to life, and no more', () => {
    expect(reasonFor('[    0.0] Linux version 6.12\r\n')).toContain('systemd never came as far');
  });

  it('nothing at all was said', () => {
    expect(reasonFor('')).toContain('the console is empty');
  });

  it('a reset is told by its cause, when the console has it', () => {
    const interruption = { type: 'ended', event: { type: 'reset' } } as const;
    expect(reasonFor('', { interruption })).toBe('the system reset itself');
    expect(reasonFor('Kernel panic - not syncing: x', { interruption })).toBe(
      'the kernel panicked: x',
    );
  });
});
