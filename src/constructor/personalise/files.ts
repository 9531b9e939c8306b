/**
 * What personalises an appliance at its first boot: a program, the list of its properties, and the unit that
 * runs the one over the other. An appliance that declares none gets none of them.
 */
import type { GuestProperty } from '../../manifest/installation-manifest.ts';
import { PROGRAM, PROGRAM_PATH } from './program.ts';

const UNIT = 'usr/lib/systemd/system/pvmc-personalise.service';

/** Link → what it points to. */
export const PERSONALISE_LINK = {
  path: 'etc/systemd/system/sysinit.target.wants/pvmc-personalise.service',
  target: `/${UNIT}`,
} as const;

export { PROGRAM_PATH };

/** Path in the appliance → text; nothing without properties. */
export function personaliseFiles(
  properties: readonly GuestProperty[] | undefined,
): Readonly<Record<string, string>> {
  if (properties === undefined) return {};
  return {
    [PROGRAM_PATH]: PROGRAM,
    'usr/lib/pvmc/properties': declarations(properties),
    [UNIT]: UNIT_TEXT,
  };
}

/** One line a setting, below the key in brackets, as the program reads them. */
function declarations(properties: readonly GuestProperty[]): string {
  const lines = properties.flatMap(({ key, kind, required, own, user, min, max, ...rest }) => {
    const settings = { kind, user, min, max, default: rest.default };
    const given = Object.entries(settings).filter(([, value]) => value !== undefined);
    return [
      `[${key}]`,
      ...given.map(([name, value]) => `${name}=${String(value)}`),
      ...(rest.choices ?? []).map((choice) => `choice=${choice}`),
      ...(required ? ['required=1'] : []),
      ...(own ? ['own=1'] : []),
    ];
  });
  return [
    '# What this appliance asks its users for, as its manifest has declared it.',
    ...lines,
    '',
  ].join('\n');
}

/** Before anything has the host name, an address or an account: before the network and before logins. */
const UNIT_TEXT = `[Unit]
Description=Personalise this machine by its OVF properties
DefaultDependencies=no
ConditionPathExists=!/var/lib/pvmc/personalised
After=local-fs.target systemd-remount-fs.service systemd-udev-trigger.service systemd-tmpfiles-setup.service
Before=sysinit.target network-pre.target systemd-networkd.service shutdown.target
Wants=network-pre.target
Conflicts=shutdown.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/${PROGRAM_PATH}
SyslogIdentifier=personalise
# Scripts of the appliance included; a boot does not wait longer.
TimeoutStartSec=15min

[Install]
WantedBy=sysinit.target
`;
