/**
 * A machine's specification as VBoxManage's commands. Pure: every file and port is decided elsewhere. The
 * words are those of VirtualBox 6.1, which later ones take too; what differs is in `dialect.ts`.
 */
import { resolve } from 'node:path';
import type { MachineSpecification } from '../hypervisor.ts';
import type { Dialect } from './dialect.ts';

export interface MachineFiles {
  /** Takes the machine's own folder: its settings, its logs, its UEFI variables. */
  readonly baseFolder: string;
  /** The VMDK that stands for the raw disk. */
  readonly flatDiskPath: string;
  /** What VirtualBox connects the second serial line to: a Unix socket, on Windows a named pipe. */
  readonly linkAddress: string;
}

export interface Wanted {
  readonly specification: MachineSpecification;
  readonly files: MachineFiles;
  readonly dialect: Dialect;
}

const DISK_CONTROLLER = 'Disk';
const MEDIUM_CONTROLLER = 'Medium';

/** Registers an empty machine in a folder of its own. `createdMachine` reads the answer. */
export function createCommand({ specification, files }: Wanted): readonly string[] {
  const { name } = specification;
  const folder = resolve(files.baseFolder);
  return [
    'createvm',
    '--name',
    name,
    '--ostype',
    'Debian_64',
    '--basefolder',
    folder,
    '--register',
  ];
}

/** The UUID by which the machine is called from now on: VirtualBox lets two have the same name. */
export function createdMachine(answer: string): string | undefined {
  return /^UUID: (\S+)\s*$/m.exec(answer)?.[1];
}

/** Everything between a machine that was just created and one that can be started, in order. */
export function configureCommands(machine: string, wanted: Wanted): readonly (readonly string[])[] {
  const { specification, files } = wanted;
  const { mediumPath } = specification;
  return [
    ['modifyvm', machine, ...board(wanted), ...network(wanted), ...serialLines(wanted)],
    ['storagectl', machine, '--name', DISK_CONTROLLER, ...diskController(specification)],
    [...attachDisk(machine, resolve(files.flatDiskPath)), ...diskMode(specification)],
    ['storagectl', machine, '--name', MEDIUM_CONTROLLER, '--add', 'ide', '--controller', 'PIIX4'],
    attachMedium(machine, mediumPath === undefined ? 'emptydrive' : resolve(mediumPath)),
  ];
}

/** A path, `emptydrive`, or `none`. */
export function attachMedium(machine: string, medium: string): readonly string[] {
  const where = ['--storagectl', MEDIUM_CONTROLLER, '--port', '0', '--device', '0'];
  return ['storageattach', machine, ...where, '--type', 'dvddrive', '--medium', medium];
}

/** What VirtualBox has as the machine's disk, from all that `showvminfo` says. */
export function attachedDisk(info: ReadonlyMap<string, string>): string | undefined {
  return info.get(`${DISK_CONTROLLER}-0-0`);
}

/** A path or `none`. */
export function attachDisk(machine: string, medium: string): readonly string[] {
  const where = ['--storagectl', DISK_CONTROLLER, '--port', '0', '--device', '0'];
  return ['storageattach', machine, ...where, '--type', 'hdd', '--medium', medium];
}

/** VirtualBox writes what is for an immutable disk into a file of its own, which goes with the machine. */
function diskMode({ disk }: MachineSpecification): readonly string[] {
  return disk.type === 'throw-away' ? ['--mtype', 'immutable'] : [];
}

function board({ specification, dialect }: Wanted): readonly string[] {
  const { memoryBytes, cpus, firmware } = specification;
  const mebibytes = Math.max(4, Math.floor(memoryBytes / 2 ** 20));
  return [
    ['--memory', String(mebibytes), '--cpus', String(cpus)],
    ['--chipset', 'piix3', '--ioapic', 'on', '--pae', 'on', '--rtcuseutc', 'on'],
    ['--firmware', firmware === 'uefi' ? 'efi' : 'bios'],
    ['--boot1', 'dvd', '--boot2', 'disk', '--boot3', 'none', '--boot4', 'none'],
    // No logo and no menu: nobody looks.
    ['--biosbootmenu', 'disabled', '--bioslogodisplaytime', '0'],
    ['--bioslogofadein', 'off', '--bioslogofadeout', 'off'],
    ['--graphicscontroller', 'vmsvga', '--vram', '16', '--vrde', 'off'],
    ['--mouse', 'ps2', '--keyboard', 'ps2'],
    ['--usbohci', 'off', '--usbehci', 'off', '--usbxhci', 'off'],
    dialect.noAudio,
  ].flat();
}

function network({ specification, dialect }: Wanted): readonly string[] {
  const { network: kind, devices, forwardPorts } = specification;
  if (kind === 'none') return ['--nic1', 'none'];
  const forwards = Object.entries(forwardPorts ?? {}).flatMap(([guestPort, hostPort]) => [
    '--natpf1',
    `tcp${guestPort},tcp,127.0.0.1,${hostPort},,${guestPort}`,
  ]);
  const type = devices === 'fast' ? 'virtio' : '82540EM';
  return ['--nic1', 'nat', '--nictype1', type, ...dialect.hostReachable, ...forwards];
}

/** COM1 is the console, COM2 the link, at a PC's usual addresses. */
function serialLines({ specification, files }: Wanted): readonly string[] {
  const console = ['file', resolve(specification.consoleLogPath)];
  return [
    ['--uart1', '0x3F8', '4', '--uartmode1', ...console],
    // We listen and VirtualBox connects: the other way round somebody else could be the first.
    ['--uart2', '0x2F8', '3', '--uartmode2', 'client', files.linkAddress],
  ].flat();
}

/** `lsilogic` is what our own descriptor asks importers for. Writes need not survive a power cut of the host. */
function diskController({ devices }: MachineSpecification): readonly string[] {
  const kind =
    devices === 'fast'
      ? ['--add', 'sata', '--controller', 'IntelAhci', '--portcount', '1']
      : ['--add', 'scsi', '--controller', 'LsiLogic'];
  return [...kind, '--hostiocache', 'on', '--bootable', 'on'];
}
