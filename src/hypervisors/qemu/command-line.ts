/**
 * A machine's specification as QEMU's command line. Pure: every file and port is decided elsewhere.
 *
 * Two devices speak over sockets that QEMU inherits from us instead of opening them by path: there is
 * no race to connect, nothing for another user to connect to, no length limit on a path, and nothing
 * left behind.
 */
import type { MachineSpecification } from '../hypervisor.ts';

/**
 * Everything that QEMU emulates, but for what makes each access to memory dearer and protects a guest
 * that lives for minutes from nobody: a fifth level of page tables, and guards against its own kernel.
 * Nor fast string instructions: Linux would then clear and copy pages byte by byte, each of them a
 * turn of an emulated loop, instead of eight bytes at a time.
 */
const EMULATED_CPU = 'max,la57=off,smap=off,smep=off,erms=off';

/** File descriptors that QEMU inherits. */
export const QMP_DESCRIPTOR = 3;
export const LINK_DESCRIPTOR = 4;
/** Only of a machine whose console is open. */
export const CONSOLE_DESCRIPTOR = 5;

export type Accelerator = 'kvm' | 'tcg';

export interface QemuFiles {
  /** UEFI's code and this machine's own copy of its variables; undefined for a BIOS machine. */
  readonly uefi?: { readonly codePath: string; readonly variablesPath: string } | undefined;
  /** Lies over the disk of a machine that must not change it. */
  readonly overlayPath: string;
  /** One SMBIOS string a file, in this order. */
  readonly smbiosStringPaths: readonly string[];
}

export interface QemuCommand {
  readonly specification: MachineSpecification;
  readonly files: QemuFiles;
  readonly accelerator: Accelerator;
  /** Whether this QEMU can lock itself in with seccomp. */
  readonly sandbox: boolean;
}

/** QEMU may not start programs or change its user: a guest that breaks out finds less to use. */
export const SANDBOX_ARGUMENTS: readonly string[] = [
  '-sandbox',
  'on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny',
];

/** The arguments, without the program. The machine starts paused. */
export function qemuArguments(command: QemuCommand): string[] {
  const { specification, files } = command;
  return [
    command.sandbox ? SANDBOX_ARGUMENTS : [],
    ['-name', `guest=${escapeCommas(specification.name)}`],
    ['-no-user-config', '-nodefaults', '-S'],
    processorArguments(command),
    ['-display', 'none', '-vga', 'std'],
    // The first free port from 5900 on. Nobody gets in before a password is set.
    specification.screen === 'vnc' ? ['-vnc', '127.0.0.1:0,to=99,password=on'] : [],
    // Every way to end pauses the machine first, so that its screen can still be photographed.
    ['-action', 'reboot=shutdown,shutdown=pause,panic=pause', '-device', 'pvpanic'],
    ['-chardev', `socket,id=qmp,fd=${QMP_DESCRIPTOR}`, '-mon', 'chardev=qmp,mode=control'],
    serialArguments(specification),
    firmwareArguments(files),
    diskArguments(command),
    mediumArguments(specification),
    networkArguments(specification),
    // Only what has a boot index is booted from: no network boot, no search.
    ['-boot', 'menu=off,strict=on'],
  ].flat();
}

function processorArguments({ specification, files, accelerator }: QemuCommand): string[] {
  const flash = files.uefi ? ',pflash0=uefi-code,pflash1=uefi-variables' : '';
  const mebibytes = Math.max(1, Math.floor(specification.memoryBytes / 2 ** 20));
  return [
    ['-machine', `q35${flash}`],
    // 1 GiB for translated code: a Debian installation does not fit the default without evictions.
    ['-accel', accelerator === 'kvm' ? 'kvm' : 'tcg,thread=multi,tb-size=1024'],
    ['-cpu', accelerator === 'kvm' ? 'host' : EMULATED_CPU],
    ['-smp', String(specification.cpus), '-m', `${mebibytes}M`],
  ].flat();
}

/**
 * The first line is the console, the second the link. A PC's BIOS speaks on the screen only; SeaBIOS
 * says it to QEMU too, and so the console tells when there is nothing to boot.
 */
function serialArguments({ consoleLogPath, console, firmware }: MachineSpecification): string[] {
  const log = escapeCommas(consoleLogPath);
  // Several may write to a `mux`, but it takes Ctrl-A for itself: not for a person who types.
  const open = `socket,id=console,fd=${CONSOLE_DESCRIPTOR},logfile=${log},logappend=on`;
  const logged = `file,id=console,path=${log},append=on,mux=on`;
  return [
    ['-chardev', console === 'open' ? open : logged],
    ['-serial', 'chardev:console'],
    firmware === 'bios' && console !== 'open'
      ? ['-device', 'isa-debugcon,iobase=0x402,chardev=console']
      : [],
    ['-chardev', `socket,id=link,fd=${LINK_DESCRIPTOR}`, '-serial', 'chardev:link'],
  ].flat();
}

function firmwareArguments({ uefi, smbiosStringPaths }: QemuFiles): string[] {
  const strings = smbiosStringPaths.flatMap((path) => [
    '-smbios',
    `type=11,path=${escapeCommas(path)}`,
  ]);
  if (!uefi) return strings;
  return [
    ...strings,
    ...blockDevice({
      'node-name': 'uefi-code',
      driver: 'raw',
      'read-only': true,
      file: { driver: 'file', filename: uefi.codePath },
    }),
    ...blockDevice({
      'node-name': 'uefi-variables',
      driver: 'raw',
      file: { driver: 'file', filename: uefi.variablesPath },
    }),
  ];
}

/**
 * The disk. A build's disk is thrown away when the build fails, so it need not survive a power cut of
 * the host (no flushes), and blocks that the guest discards or fills with zeroes become holes.
 */
function diskArguments({ specification, files }: QemuCommand): string[] {
  const { disk, devices } = specification;
  const caching = { cache: { direct: false, 'no-flush': true }, discard: 'unmap' };
  const { driver, filename } = diskImage(disk, files);
  const node = blockDevice({
    'node-name': 'disk',
    driver,
    'detect-zeroes': 'unmap',
    ...caching,
    file: { driver: 'file', filename, ...caching },
  });
  const common = { drive: 'disk', bootindex: 1, werror: 'stop', rerror: 'stop' };
  // QEMU has no LSI 53C1030, the `lsilogic` of our OVF descriptor. Its relatives do not do: Linux finds
  // no disk on mptsas1068, UEFI firmware cannot boot from lsi53c895a. AHCI is what every importer
  // offers next.
  return devices === 'fast'
    ? [...node, ...device({ driver: 'virtio-blk-pci', ...common })]
    : [...node, ...device({ driver: 'ide-hd', bus: 'ide.0', ...common })];
}

function diskImage(
  disk: MachineSpecification['disk'],
  { overlayPath }: QemuFiles,
): { readonly driver: string; readonly filename: string } {
  switch (disk.type) {
    case 'create':
      return { driver: 'raw', filename: disk.path };
    case 'existing':
      return { driver: disk.format, filename: disk.path };
    case 'throw-away':
      return { driver: 'qcow2', filename: overlayPath };
  }
}

function mediumArguments({ mediumPath }: MachineSpecification): string[] {
  if (mediumPath === undefined) return [];
  return [
    ...blockDevice({
      'node-name': 'medium',
      driver: 'raw',
      'read-only': true,
      file: { driver: 'file', filename: mediumPath },
    }),
    ...device({ driver: 'ide-cd', bus: 'ide.1', drive: 'medium', bootindex: 0 }),
  ];
}

/** QEMU's user network: the guest gets out, nobody gets in but through the forwarded ports. */
function networkArguments({ network, devices, forwardPorts }: MachineSpecification): string[] {
  if (network === 'none') return [];
  const forwards = Object.entries(forwardPorts ?? {}).map(
    ([guestPort, hostPort]) => `,hostfwd=tcp:127.0.0.1:${hostPort}-:${guestPort}`,
  );
  return [
    // VirtualBox's NAT has no IPv6 either, and on a host without it every name would be tried twice.
    ['-netdev', `user,id=nat,ipv6=off${forwards.join('')}`],
    device({
      driver: devices === 'fast' ? 'virtio-net-pci' : 'e1000',
      netdev: 'nat',
      romfile: '',
    }),
  ].flat();
}

/** JSON needs no escaping rules of QEMU's own. */
function blockDevice(options: Readonly<Record<string, unknown>>): string[] {
  return ['-blockdev', JSON.stringify(options)];
}

function device(options: Readonly<Record<string, unknown>>): string[] {
  return ['-device', JSON.stringify(options)];
}

/** In QEMU's own option syntax a comma separates options and two of them are one. */
function escapeCommas(value: string): string {
  return value.replaceAll(',', ',,');
}
