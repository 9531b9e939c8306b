/**
 * The probe: what verify brings into an appliance to learn from the inside whether it is up and does
 * what its manifest says. It comes as systemd credentials, so that nothing of it is on the disk: one
 * adds a unit, one lets the boot start it, one is its script.
 */
import { PvmcError } from '../system/error.ts';
import { formatSize } from '../system/size.ts';
import type { ApplianceCheck } from './check.ts';
import { PROBE_FUNCTIONS } from './probe-script.ts';

export interface ProbeOptions {
  readonly checks: readonly ApplianceCheck[];
  /** How long each of them may take. */
  readonly checkSeconds: number;
}

const SCRIPT_CREDENTIAL = 'pvmc.verify-probe';
const UNIT = 'pvmc-verify.service';

/** All SMBIOS tables have to fit 64 KiB, and base64 adds a third; half of that is ours. */
const MAXIMUM_SCRIPT_BYTES = 20 * 1024;

/**
 * System credentials (name → value) for a machine to be verified.
 * @throws PvmcError `checks-too-large`.
 */
export function probeCredentials(options: ProbeOptions): Readonly<Record<string, string>> {
  const script = probeScript(options);
  const bytes = Buffer.byteLength(script);
  if (bytes > MAXIMUM_SCRIPT_BYTES)
    throw new PvmcError({
      kind: 'manifest',
      code: 'checks-too-large',
      message: `the checks take ${formatSize(bytes)}; ${formatSize(MAXIMUM_SCRIPT_BYTES)} can be brought into the machine`,
      hint: 'Put long scripts into the appliance as files, and let the checks call them.',
    });
  return {
    [`systemd.extra-unit.${UNIT}`]: PROBE_UNIT,
    // An added unit is started by nobody; sysinit.target belongs to every boot and comes early.
    'systemd.unit-dropin.sysinit.target': `[Unit]\nWants=${UNIT}\n`,
    [SCRIPT_CREDENTIAL]: script,
  };
}

/**
 * Ordered before and after nothing: it is to speak even when the boot is stuck, or ends in emergency
 * mode, for which systemd ends whatever does not ignore it. `exec` because a `oneshot` would be a part of the boot, whose end it waits for.
 */
const PROBE_UNIT = `[Unit]
Description=Check of the appliance by pvmc verify
DefaultDependencies=no
ConditionPathExists=!/etc/initrd-release
IgnoreOnIsolate=yes
Conflicts=shutdown.target
Before=shutdown.target

[Service]
Type=exec
LoadCredential=${SCRIPT_CREDENTIAL}
RuntimeDirectory=pvmc-verify
Environment=PVMC_LINK=/dev/ttyS1 HOME=/root
ExecStart=/bin/sh %d/${SCRIPT_CREDENTIAL}
`;

/**
 * The whole script. It expects RUNTIME_DIRECTORY, and in PVMC_LINK the file to speak to.
 *
 * A subshell does the work: systemd makes each service the leader of a session, and a serial line that
 * a leader opens is hung up when the leader ends, together with the words that are still on their way.
 */
export function probeScript({ checks, checkSeconds }: ProbeOptions): string {
  const calls = checks.map((check, index) =>
    ['check', String(index), String(checkSeconds), ...callOf(check).map(quote)].join(' '),
  );
  return [
    '#!/bin/sh',
    PROBE_FUNCTIONS.trim(),
    '',
    '(',
    'open_link',
    'send "{\\"type\\":\\"hello\\",\\"uptime\\":$(uptime)}"',
    'wait_until_up || { drain; exit; }',
    ...calls,
    'say done "$state"',
    'drain',
    ')',
    ':',
    '',
  ].join('\n');
}

function callOf(check: ApplianceCheck): string[] {
  if ('command' in check) return ['check_command', check.command];
  if ('port' in check) return ['check_port', String(check.port)];
  const url = new URL(check.http);
  const scheme = url.protocol.slice(0, -1);
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  const port = url.port === '' ? (scheme === 'https' ? '443' : '80') : url.port;
  const path = `${url.pathname}${url.search}`;
  const expected = [String(check.status), check.contains ?? ''];
  return ['check_http', scheme, host, port, url.host, path, ...expected];
}

function quote(text: string): string {
  return /^[\w./:-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
