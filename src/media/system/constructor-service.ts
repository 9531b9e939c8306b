/**
 * The end of the boot: the constructor, in front of the person who watches, and the console login
 * that comes after it.
 */
import { fatalCommand, UNLESS_VERDICT, VERDICT_PATH } from '../fatal-script.ts';
import { MEDIUM_MOUNT, MEDIUM_PATHS } from '../layout.ts';
import { MODE_PARAMETER } from '../modes.ts';
import { NETWORK_READY_PATH, WRITE_NAME_SERVERS } from './network.ts';
import type { SystemFile } from './tree.ts';
import { unitFiles } from './units.ts';

const CONSTRUCTOR_SERVICE = `[Unit]
Description=PVMC constructor
DefaultDependencies=no
OnFailure=pvmc-fatal.service
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

const FATAL_SERVICE = `[Unit]
Description=Say that the constructor ended without a word
DefaultDependencies=no

[Service]
Type=oneshot
ExecStart=${fatalCommand(UNLESS_VERDICT, 'the constructor ended without a verdict')}
`;

const EMERGENCY = `[Service]
ExecStartPre=-${fatalCommand('the system of the medium did not come up')}
`;

/** Without a network the build may still work (a mirror on the medium), or fails with its own words. */
const NETWORK_SECONDS = 60;

// The consoles are written to one after the other: a machine may lack either.
const SAY = `say() { printf '%s\\n' "$@" | tee /dev/tty1 /dev/ttyS0 2>/dev/null; }`;

/** Where the mode of this boot is noted. */
const MODE_PATH = '/run/pvmc/mode';

const START_CONSTRUCTOR = `#!/bin/bash
# Does what was chosen for this boot: runs the constructor, so that a person at the screen and one at the
# serial line see it, and so does the journal. Its exit status is the constructor's own.
export PATH=/usr/sbin:/usr/bin LANG=C.UTF-8 HOME=/root
medium=${MEDIUM_MOUNT}
: > ${VERDICT_PATH}

${SAY}
fatal() { ${fatalCommand()} "$1"; }

mode=install
read -r parameters < /proc/cmdline
for parameter in $parameters; do
  [[ $parameter != ${MODE_PARAMETER}=* ]] || mode=\${parameter#*=}
done
credential=/run/credentials/@system/${MODE_PARAMETER}
[[ ! -r $credential ]] || read -r mode < $credential || :
printf '%s\\n' "$mode" > ${MODE_PATH}
case $mode in
  install) ;;
  check) exec /usr/lib/pvmc/check-medium ;;
  diagnose | show) exit 0 ;;
  *) say "PVMC: there is no mode $mode: starting without the constructor."; exit 0 ;;
esac

# What the constructor is told, and the constructor itself; all of the medium would take too long.
cd $medium
if ! damage=$(grep -v -e ' ${MEDIUM_PATHS.system}$' -e ' boot/' ${MEDIUM_PATHS.checksums} |
  sha256sum --check --quiet --strict 2>&1); then
  fatal "the medium is damaged: \${damage%%$'\\n'*}"
  say "$damage"
  exit 1
fi

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

exec /usr/bin/node $medium/pvmc/constructor.js construct --installation $medium/pvmc/installation.json --link /dev/ttyS1 \\
  > >(exec tee /dev/tty1 /dev/ttyS0 2>/dev/null) 2>&1
`;

const CHECK_MEDIUM = `#!/bin/bash
# Reads every file of the medium and compares it with the list that the medium has of them.
export PATH=/usr/sbin:/usr/bin LANG=C.UTF-8
cd ${MEDIUM_MOUNT}

${SAY}

say 'PVMC: reading the whole medium ...'
# What was read before is read again.
echo 3 > /proc/sys/vm/drop_caches
if damage=$(sha256sum --check --quiet --strict ${MEDIUM_PATHS.checksums} 2>&1); then
  say "PVMC: the medium is whole: all $(wc -l < ${MEDIUM_PATHS.checksums}) files are as they were made."
else
  ${fatalCommand()} "the medium is damaged: \${damage%%$'\\n'*}"
  say "$damage" 'Make the medium afresh: pvmc iso. Written to a stick: write it again, or to another.'
fi
`;

const LAUNCHER = `#!/bin/sh
# For a person at the console: constructor status, constructor run --from STEP, ...
exec /usr/bin/node ${MEDIUM_MOUNT}/pvmc/constructor.js "$@"
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
mode=install
[ ! -r ${MODE_PATH} ] || read -r mode < ${MODE_PATH}
case $mode in
install)
  if systemctl is-failed --quiet pvmc-constructor.service; then
    printf '%s\\n' '' \\
    'The constructor FAILED; its last words are above. To look around:' \\
    '  constructor status                   which steps are done, and what failed' \\
    '  constructor logs | less              everything it did' \\
    '  constructor run                      go on with the step that failed' \\
    '  constructor help                     more of this' \\
    '  journalctl -b                        what the system said' \\
    '  lsblk; ip address                    disks and network' \\
    '  poweroff' ''
  else
    printf '%s\\n' '' 'The constructor works on the first screen (Alt+F1). To follow its log:' \\
    '  tail -f /run/pvmc/constructor.log' ''
  fi
  ;;
show)
  less ${MEDIUM_MOUNT}/pvmc/installation.json
  printf '%s\\n' '' 'To see it again: less ${MEDIUM_MOUNT}/pvmc/installation.json; to end: poweroff' ''
  ;;
check)
  printf '%s\\n' '' 'What the check of the medium found is above. To repeat it:' \\
    '  /usr/lib/pvmc/check-medium' ''
  ;;
*)
  printf '%s\\n' '' \\
    'This is the PVMC medium, started to look around. The constructor does not run:' \\
    '  constructor status                   what was done on the disk' \\
    '  constructor logs | less              everything that was done there' \\
    '  constructor run                      go on (--from STEP: with that)' \\
    '  constructor help                     more of this' \\
    '  less ${MEDIUM_MOUNT}/pvmc/installation.json' \\
    '  journalctl -b; lsblk; ip address; poweroff' ''
  ;;
esac
`;

export function constructorFiles(): readonly SystemFile[] {
  return [
    ...unitFiles({
      'pvmc-constructor.service': CONSTRUCTOR_SERVICE,
      'pvmc-fatal.service': FATAL_SERVICE,
      'emergency.service.d/fatal.conf': EMERGENCY,
      'getty@.service': gettyService('Console login on %I', '%I linux'),
      'getty@tty2.service': SECOND_SCREEN,
      'pvmc-second-screen.path': SECOND_SCREEN_PATH,
      'serial-getty@.service': gettyService(
        'Serial login on %I',
        '--keep-baud 115200,57600,38400,9600 %I vt220',
      ),
    }),
    { path: 'usr/lib/pvmc/start-constructor', content: START_CONSTRUCTOR, executable: true },
    { path: 'usr/lib/pvmc/check-medium', content: CHECK_MEDIUM, executable: true },
    { path: 'usr/bin/constructor', content: LAUNCHER, executable: true },
    { path: 'etc/profile', content: PROFILE },
  ];
}
