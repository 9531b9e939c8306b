/**
 * The end of the boot: the constructor, in front of the person who watches, and the console login
 * that comes after it.
 */
import { MEDIUM_MOUNT } from '../layout.ts';
import { NETWORK_READY_PATH, WRITE_NAME_SERVERS } from './network.ts';
import type { SystemFile } from './tree.ts';
import { unitFiles } from './units.ts';

/** Kernel parameter of the boot menu's `diagnose` entry. */
export const DIAGNOSE_PARAMETER = 'pvmc.diagnose';

const CONSTRUCTOR_SERVICE = `[Unit]
Description=PVMC constructor
DefaultDependencies=no
ConditionKernelCommandLine=!${DIAGNOSE_PARAMETER}
ConditionPathExists=${MEDIUM_MOUNT}/pvmc/constructor.js
Wants=systemd-journald.service systemd-networkd.service systemd-udevd.service
After=systemd-journald.socket systemd-udevd.service network.target
Conflicts=shutdown.target
Before=shutdown.target

[Service]
Type=oneshot
ExecStart=/usr/lib/pvmc/start-constructor
StandardOutput=journal
StandardError=journal
TimeoutStartSec=infinity
TimeoutStopSec=10
# A build that runs out of memory must end with the constructor's own words, so it goes last.
OOMScoreAdjust=-500
`;

/** Without a network the build may still work (a mirror on the medium), or fails with its own words. */
const NETWORK_SECONDS = 60;

// The consoles are written to one after the other: a machine may lack either.
const START_CONSTRUCTOR = `#!/bin/bash
# Runs the constructor so that a person at the screen and one at the serial line see it, and so does
# the journal. Its exit status is the constructor's own.
export PATH=/usr/sbin:/usr/bin LANG=C.UTF-8 HOME=/root
medium=${MEDIUM_MOUNT}/pvmc

say() { printf '%s\\n' "$1" | tee /dev/tty1 /dev/ttyS0 2>/dev/null; }

# Reading from a pipe that nobody writes to waits without starting a program for it.
exec {silence}<> <(:)
for ((tenths = 0; tenths < ${NETWORK_SECONDS}0; tenths++)); do
  [[ -e ${NETWORK_READY_PATH} ]] && break
  ((tenths == 50)) && say 'Waiting for the network ...'
  # systemd misses a change that comes while its service still handles the one before.
  ((tenths % 10 == 9)) && ${WRITE_NAME_SERVERS}
  read -rt 0.1 -u "$silence"
done
[[ -e ${NETWORK_READY_PATH} ]] || say 'No network after ${NETWORK_SECONDS} seconds: going on without it.'
exec {silence}>&-
say 'PVMC: the constructor starts. Alt+F2 shows a shell.'

exec /usr/bin/node "$medium/constructor.js" --installation "$medium/installation.json" --link /dev/ttyS1 \\
  > >(exec tee /dev/tty1 /dev/ttyS0 2>/dev/null) 2>&1
`;

function gettyService(description: string, arguments_: string): string {
  return `[Unit]
Description=${description}
DefaultDependencies=no
After=pvmc-constructor.service
Conflicts=shutdown.target rescue.service emergency.service
Before=shutdown.target

[Service]
Type=idle
ExecStart=-/sbin/agetty --autologin root --noclear ${arguments_}
Restart=always
RestartSec=1
UtmpIdentifier=%I
TTYPath=/dev/%I
TTYReset=yes
TTYVHangup=yes
IgnoreSIGPIPE=no
SendSIGHUP=yes
`;
}

// The second screen is there while the constructor still works, but does not delay its beginning.
const SECOND_SCREEN = gettyService('Console login on %I', '%I linux').replace(
  'After=pvmc-constructor.service\n',
  '',
);

const SECOND_SCREEN_PATH = `[Unit]
Description=Wait for the constructor's first words
DefaultDependencies=no

[Path]
PathExists=/run/pvmc/constructor.log
Unit=getty@tty2.service
`;

const PROFILE = `# Login shells on the medium: a prompt, and what a person at the console should know.
export PATH=/usr/sbin:/usr/bin PAGER=less
[ -n "$PS1" ] || return 0
PS1='\\u@\\h:\\w\\$ '
if systemctl is-failed --quiet pvmc-constructor.service; then
  printf '%s\\n' '' \\
    'The constructor FAILED; its last words are above. To look around:' \\
    '  less /run/pvmc/constructor.log       everything it did' \\
    '  journalctl -b                        what the system said' \\
    '  ls ${MEDIUM_MOUNT}/pvmc             the installation manifest' \\
    '  lsblk; ip address                    disks and network' \\
    '  systemctl restart pvmc-constructor   run it again, on an empty disk' \\
    '  poweroff' ''
elif grep -qw ${DIAGNOSE_PARAMETER} /proc/cmdline; then
  printf '%s\\n' '' \\
    'This is the PVMC medium, started to look around. The constructor does not run:' \\
    '  systemctl status; journalctl -b; lsblk; ip address; ls ${MEDIUM_MOUNT}/pvmc' ''
else
  printf '%s\\n' '' 'The constructor works on the first screen (Alt+F1). To follow its log:' \\
    '  tail -f /run/pvmc/constructor.log' ''
fi
`;

export function constructorFiles(): readonly SystemFile[] {
  return [
    ...unitFiles({
      'pvmc-constructor.service': CONSTRUCTOR_SERVICE,
      'getty@.service': gettyService('Console login on %I', '%I linux'),
      'getty@tty2.service': SECOND_SCREEN,
      'pvmc-second-screen.path': SECOND_SCREEN_PATH,
      'serial-getty@.service': gettyService(
        'Serial login on %I',
        '--keep-baud 115200,57600,38400,9600 %I vt220',
      ),
    }),
    { path: 'usr/lib/pvmc/start-constructor', content: START_CONSTRUCTOR, executable: true },
    { path: 'etc/profile', content: PROFILE },
  ];
}
