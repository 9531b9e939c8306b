/**
 * `/init` of the initial RAM file system: loads the drivers of whatever the machine has, finds the
 * medium that this kernel was loaded from, stacks a writable layer on its system and hands over.
 */
import { FATAL_PATH, KEEP_IN_MEMORY } from './fatal-script.ts';
import { MEDIUM_ID_PATH, MEDIUM_MOUNT, MEDIUM_PATHS } from './layout.ts';

/** Slow USB controllers and drives that spin up are given this long. */
const DEADLINE_SECONDS = 90;

/** The applets of busybox that the script, and a person in its emergency shell, may call. */
export const APPLETS: readonly string[] = [
  'cat',
  'cp',
  'cttyhack',
  'dmesg',
  'find',
  'grep',
  'insmod',
  'ls',
  'lsmod',
  'mkdir',
  'modprobe',
  'mount',
  'poweroff',
  'reboot',
  'setsid',
  'sh',
  'sleep',
  'sort',
  'switch_root',
  'umount',
  'vi',
];

export const INIT_SCRIPT = `#!/bin/sh
export PATH=/bin
mount -t proc -o nosuid,nodev,noexec proc /proc
mount -t sysfs -o nosuid,nodev,noexec sysfs /sys
mount -t devtmpfs -o mode=755,nosuid devtmpfs /dev
mount -t tmpfs -o mode=755,nosuid,nodev tmpfs /run
mkdir -p ${MEDIUM_MOUNT} /run/pvmc/system /run/pvmc/writable

wanted=
read -r parameters < /proc/cmdline
for parameter in $parameters; do
  case $parameter in pvmc.medium=*) wanted=\${parameter#*=} ;; esac
done

# What cannot be cured without a person: the reason on every console, and a shell.
give_up() {
  sh /${FATAL_PATH} "$1"
  # The last console is where the host listens; a person may sit at the screen.
  case $(cat /sys/class/tty/console/active) in
    *ttyS*) setsid sh -c 'exec sh < /dev/tty1 > /dev/tty1 2>&1' & ;;
  esac
  setsid cttyhack sh
}

load_drivers() {
  modprobe -abq $(cat /sys/bus/*/devices/*/modalias 2>/dev/null | sort -u) 2>/dev/null
}

# Is the device the medium? Leaves it mounted if so.
try() {
  mount -r -t iso9660 "/dev/$1" ${MEDIUM_MOUNT} 2>/dev/null || return 1
  found=
  [ -r ${MEDIUM_MOUNT}/${MEDIUM_ID_PATH} ] && read -r found < ${MEDIUM_MOUNT}/${MEDIUM_ID_PATH}
  [ -n "$found" ] && { [ -z "$wanted" ] || [ "$found" = "$wanted" ]; } && return 0
  [ -z "$found" ] || foreign=" $1$foreign"
  umount ${MEDIUM_MOUNT}
  return 1
}

find_medium() {
  foreign=
  for path in /sys/class/block/sr* /sys/class/block/*; do
    device=\${path##*/}
    case $device in 'sr*' | loop* | ram* | zram*) continue ;; esac
    try "$device" && return 0
  done
  return 1
}

modprobe -aq pvpanic-mmio pvpanic-pci
modprobe -a isofs loop squashfs overlay sr_mod sd_mod
load_drivers
waited=0
until find_medium; do
  if [ $waited -ge ${DEADLINE_SECONDS * 5} ]; then
    others=
    [ -z "$foreign" ] || others=", other PVMC media:$foreign"
    give_up "the boot medium \${wanted:-(any)} was not found within ${DEADLINE_SECONDS} seconds, block devices: $(echo $(ls /sys/class/block))$others"
    waited=0
  fi
  sleep 0.2
  waited=$((waited + 1))
  # Controllers announce what is behind them when they have looked.
  [ $((waited % 3)) -ne 0 ] || load_drivers
done

mount -r -t squashfs -o loop ${MEDIUM_MOUNT}/${MEDIUM_PATHS.system} /run/pvmc/system &&
mount -t tmpfs -o mode=755,size=90% tmpfs /run/pvmc/writable &&
mkdir /run/pvmc/writable/changes /run/pvmc/writable/work &&
mount -t overlay -o lowerdir=/run/pvmc/system,upperdir=/run/pvmc/writable/changes,workdir=/run/pvmc/writable/work overlay /root || {
  give_up 'the system on the medium cannot be mounted'
}
${KEEP_IN_MEMORY}
mount -o move /run /root/run
mount -o move /dev /root/dev
mount -o move /sys /root/sys
mount -o move /proc /root/proc
exec switch_root /root /sbin/init
`;
