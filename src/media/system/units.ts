/**
 * The system manager's units: these and no others. Debian's own are removed from the medium, because
 * every unit costs time at boot, and so does every sandbox that one sets up, many times over where
 * the processor is emulated. Nothing here faces a network.
 */
import type { SystemFile } from './tree.ts';

/** Debian's units that stay: the way down, and the way into a broken system. */
export const KEPT_UNITS: readonly string[] = [
  'basic.target',
  'emergency.service',
  'emergency.target',
  'exit.target',
  'final.target',
  'halt.target',
  'kexec.target',
  'local-fs.target',
  'local-fs-pre.target',
  'network.target',
  'network-pre.target',
  'paths.target',
  'poweroff.target',
  'reboot.target',
  'rescue.service',
  'rescue.target',
  'shutdown.target',
  'slices.target',
  'sockets.target',
  'swap.target',
  'sysinit.target',
  'systemd-halt.service',
  'systemd-kexec.service',
  'systemd-poweroff.service',
  'systemd-reboot.service',
  'timers.target',
  'umount.target',
];

const DEFAULT_TARGET = `[Unit]
Description=PVMC medium
Documentation=https://github.com/pvmc/pvmc
Wants=systemd-journald.service systemd-udevd.service systemd-udev-trigger.service
Wants=systemd-networkd.service pvmc-resolver.path pvmc-constructor.service
Wants=getty@tty1.service pvmc-second-screen.path serial-getty@ttyS0.service
AllowIsolate=yes
Conflicts=rescue.service rescue.target
`;

const JOURNAL_SOCKET = `[Unit]
Description=Journal Sockets
DefaultDependencies=no

[Socket]
ListenStream=/run/systemd/journal/stdout
ListenDatagram=/run/systemd/journal/socket
SocketMode=0666
PassCredentials=yes
PassSecurity=yes
ReceiveBuffer=8M
Service=systemd-journald.service
`;

const JOURNAL_DEV_LOG_SOCKET = `[Unit]
Description=Journal Socket (/dev/log)
DefaultDependencies=no

[Socket]
ListenDatagram=/run/systemd/journal/dev-log
Symlinks=/dev/log
SocketMode=0666
PassCredentials=yes
Timestamping=us
ReceiveBuffer=8M
Service=systemd-journald.service
`;

const JOURNAL_SERVICE = `[Unit]
Description=Journal Service
DefaultDependencies=no
Requires=systemd-journald.socket
After=systemd-journald.socket systemd-journald-dev-log.socket
IgnoreOnIsolate=yes

[Service]
Type=notify
ExecStart=/usr/lib/systemd/systemd-journald
Sockets=systemd-journald.socket systemd-journald-dev-log.socket
StandardOutput=null
FileDescriptorStoreMax=4224
OOMScoreAdjust=-250
Restart=always
RestartSec=0
RuntimeDirectory=systemd/journal
RuntimeDirectoryPreserve=yes
`;

const UDEV_CONTROL_SOCKET = `[Unit]
Description=udev Control Socket
DefaultDependencies=no
IgnoreOnIsolate=yes

[Socket]
Service=systemd-udevd.service
ListenSequentialPacket=/run/udev/control
SocketMode=0600
PassCredentials=yes
RemoveOnStop=yes
`;

const UDEV_KERNEL_SOCKET = `[Unit]
Description=udev Kernel Socket
DefaultDependencies=no
IgnoreOnIsolate=yes

[Socket]
Service=systemd-udevd.service
ReceiveBuffer=128M
ListenNetlink=kobject-uevent 1
PassCredentials=yes
`;

const UDEV_SERVICE = `[Unit]
Description=Rule-based Manager for Device Events and Files
DefaultDependencies=no
Wants=systemd-udevd-control.socket systemd-udevd-kernel.socket
After=systemd-udevd-control.socket systemd-udevd-kernel.socket
IgnoreOnIsolate=yes

[Service]
Type=notify-reload
ExecStart=/usr/lib/systemd/systemd-udevd
Sockets=systemd-udevd-control.socket systemd-udevd-kernel.socket
Delegate=pids
DelegateSubgroup=udev
KillMode=mixed
OOMScoreAdjust=-1000
Restart=always
RestartSec=0
`;

/**
 * Nothing is to be done for these, and there are many of them. The processors would have drivers
 * loaded for encryption and for machines inside this one.
 */
const NOT_COLDPLUGGED: readonly string[] = [
  'acpi',
  'bdi',
  'clockevents',
  'clocksource',
  'container',
  'cpu',
  'graphics',
  'mem',
  'misc',
  'pci_bus',
  'pnp',
  'tty',
  'vc',
  'vtconsole',
  'workqueue',
];

const UDEV_TRIGGER = `[Unit]
Description=Coldplug All Devices
DefaultDependencies=no
Wants=systemd-udevd.service
After=systemd-udevd-kernel.socket systemd-udevd-control.socket

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=-/usr/bin/udevadm trigger --action=add --prioritized-subsystem=block,net ${NOT_COLDPLUGGED.map((name) => `--subsystem-nomatch=${name}`).join(' ')}
`;

const UNITS: Readonly<Record<string, string>> = {
  'default.target': DEFAULT_TARGET,
  'systemd-journald.socket': JOURNAL_SOCKET,
  'systemd-journald-dev-log.socket': JOURNAL_DEV_LOG_SOCKET,
  'systemd-journald.service': JOURNAL_SERVICE,
  'systemd-udevd-control.socket': UDEV_CONTROL_SOCKET,
  'systemd-udevd-kernel.socket': UDEV_KERNEL_SOCKET,
  'systemd-udevd.service': UDEV_SERVICE,
  'systemd-udev-trigger.service': UDEV_TRIGGER,
};

export function unitFiles(units: Readonly<Record<string, string>> = UNITS): readonly SystemFile[] {
  return Object.entries(units).map(([name, content]) => ({
    path: `usr/lib/systemd/system/${name}`,
    content,
  }));
}
