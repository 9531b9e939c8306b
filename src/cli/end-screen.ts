/** What a successful build says at its end: what was made, how long it took, how to import it. */
import { basename, dirname } from 'node:path';
import type { ExportFormat } from '../manifest/export-formats.ts';
import { type BuildResult, type ExportedFile, STAGES } from '../pipeline/events.ts';
import { commandLine } from '../system/run.ts';
import { formatDuration, formatSize } from '../system/size.ts';
import type { Style } from './style.ts';

export interface EndFrame {
  readonly style: Style;
  /** A path as the user would write it. */
  readonly shorten: (path: string) => string;
  /** The terminal view has just shown how long each stage took, or it must be told. */
  readonly times: 'seen' | 'untold';
}

export function renderEnd(result: BuildResult, frame: EndFrame): string[] {
  const blocks = [
    [summary(result, frame.style)],
    result.files.flatMap((file) => renderFile(file, frame)),
    frame.times === 'seen' ? [] : renderTimes(result, frame.style),
    mainFiles(result.files).flatMap((file) => renderImport(file, frame)),
  ];
  return blocks.flatMap((lines, index) => (lines.length > 0 && index > 0 ? ['', ...lines] : lines));
}

/** One file: path, size, digest. */
export function renderFile(
  { path, sizeBytes, sha256 }: Omit<ExportedFile, 'format'>,
  { style, shorten }: EndFrame,
): string[] {
  return [
    `  ${style.bold(shorten(path))}  ${formatSize(sizeBytes)}`,
    `    ${style.dim(`sha256 ${sha256}`)}`,
  ];
}

function summary(result: BuildResult, style: Style): string {
  const mark = result.verified ? style.good(style.marks.done) : style.warning(style.marks.notice);
  return `${mark} ${style.bold(outcome(result))}`;
}

function outcome({
  verified,
  unchanged,
  until,
  resume,
  files,
  build,
  seconds,
}: BuildResult): string {
  if (unchanged) return `nothing has changed since ${build}`;
  const time = `in ${formatDuration(seconds)}`;
  if (verified) return `built, imported afresh and seen to boot ${time}`;
  if (files.length > 0) return `built, but not verified ${time}`;
  return `stopped after the stage ${until ?? 'media'} ${time}; to go on: ${resume}`;
}

function renderTimes({ stageSeconds }: BuildResult, style: Style): string[] {
  return STAGES.flatMap(({ name, title }) => {
    const seconds = stageSeconds[name];
    if (seconds === undefined) return [];
    return [`  ${title.padEnd(25)}${style.dim(formatDuration(seconds).padStart(11))}`];
  });
}

/** Of each format the file that users open: the first. */
function mainFiles(files: readonly ExportedFile[]): readonly ExportedFile[] {
  const formats = new Set(files.map(({ format }) => format));
  return [...formats].flatMap((wanted) => files.find(({ format }) => format === wanted) ?? []);
}

/** `VirtualBox` is the longest name. */
const PRODUCT_COLUMNS = 12;

/** How to import a file of this format, one line a product. */
export function renderImport(
  { format, path }: ExportedFile,
  { style, shorten }: EndFrame,
): string[] {
  const file = shorten(path);
  const ways = importWays(format, file);
  return ways.map(([product, how]) => `  ${style.dim(product.padEnd(PRODUCT_COLUMNS))}${how}`);
}

function importWays(format: ExportFormat, file: string): readonly (readonly [string, string])[] {
  const base = (file.split('/').at(-1) ?? file).replace(/\.[^.]+$/, '');
  const drive = (kind: string) =>
    commandLine([
      'qemu-system-x86_64',
      // The file stays as it was exported.
      '-snapshot',
      '-m',
      '1G',
      '-drive',
      `file=${file},format=${kind},if=virtio`,
    ]);
  switch (format) {
    case 'ova-vmware':
      return [['VMware', `File > Open, or ${commandLine(['ovftool', file, `${base}.vmx`])}`]];
    case 'ova-virtualbox':
      return [['VirtualBox', commandLine(['VBoxManage', 'import', file])]];
    case 'ova':
      return [
        ['VirtualBox', commandLine(['VBoxManage', 'import', file])],
        ['VMware', `File > Open, or ${commandLine(['ovftool', file, `${base}.vmx`])}`],
        [
          'Proxmox',
          `${commandLine(['tar', '-xf', file])} && ${commandLine(['qm', 'importovf'])} VMID ${commandLine([`${base}.ovf`])} STORAGE`,
        ],
        [
          'QEMU',
          `${commandLine(['tar', '-xf', file])} && qemu-img convert -O qcow2 ./*.vmdk ${commandLine([`${base}.qcow2`])}`,
        ],
      ];
    case 'ovf':
      return [
        ['VirtualBox', commandLine(['VBoxManage', 'import', file])],
        ['VMware', `File > Open, or ${commandLine(['ovftool', file, `${base}.vmx`])}`],
        ['Proxmox', `${commandLine(['qm', 'importovf'])} VMID ${commandLine([file])} STORAGE`],
      ];
    case 'qcow2':
      return [
        ['QEMU', drive('qcow2')],
        ['Proxmox', `qm importdisk VMID ${commandLine([file])} STORAGE`],
      ];
    case 'raw':
      return [['QEMU', drive('raw')]];
    case 'vmdk':
      return [
        ['QEMU', `qemu-img convert -O qcow2 ${commandLine([file, `${base}.qcow2`])}`],
        ['Proxmox', `qm importdisk VMID ${commandLine([file])} STORAGE`],
      ];
    case 'raw-zst':
    case 'vdi':
    case 'vmdk-sparse':
    case 'vhdx':
    case 'vhd':
      return imageWays(format, file);
    case 'vagrant-virtualbox':
    case 'vagrant-libvirt':
      return [['Vagrant', inItsFolder(file, ['vagrant', 'box', 'add', `${base}.json`])]];
    case 'proxmox':
    case 'hyper-v':
      return [folderWay(format, file)];
  }
}

/** Disks that one product takes. */
type ImageFormat = Extract<ExportFormat, 'raw-zst' | 'vdi' | 'vmdk-sparse' | 'vhdx' | 'vhd'>;

function imageWays(format: ImageFormat, file: string): readonly (readonly [string, string])[] {
  switch (format) {
    case 'raw-zst':
      return [
        ['a disk', commandLine(['zstd', '-d', '--sparse', file])],
        [
          'real disks',
          `${commandLine(['zstd', '-dc', file])} | sudo dd of=/dev/… bs=4M conv=fsync`,
        ],
      ];
    case 'vdi':
      return [['VirtualBox', attachToVirtualBox(file)]];
    case 'vmdk-sparse':
      return [
        ['VirtualBox', attachToVirtualBox(file)],
        ['VMware', 'a new machine with this existing disk'],
      ];
    case 'vhdx':
      return [
        [
          'Hyper-V',
          'New-VM -Generation 2 -VHDPath … -MemoryStartupBytes …, then Set-VMFirmware -EnableSecureBoot Off',
        ],
      ];
    case 'vhd':
      return [['Azure', `az storage blob upload --type page --file ${commandLine([file])} …`]];
  }
}

function attachToVirtualBox(file: string): string {
  const storage = ['--storagectl', 'SATA', '--port', '0', '--type', 'hdd', '--medium', file];
  return `VBoxManage storageattach MACHINE ${commandLine(storage)}`;
}

/** A folder that is copied to where its script runs. */
function folderWay(format: 'proxmox' | 'hyper-v', script: string): readonly [string, string] {
  const folder = dirname(script);
  const name = basename(folder);
  if (format === 'proxmox') {
    const start = `sh ${commandLine([`${name}/${basename(script)}`])} VMID STORAGE`;
    return ['Proxmox', `copy ${commandLine([folder])} to the host; there: ${start}`];
  }
  const start = `powershell -ExecutionPolicy Bypass -File "${name}\\${basename(script)}"`;
  return ['Hyper-V', `copy ${commandLine([folder])} to the host; there: ${start}`];
}

/** A command to be run where the file is. */
function inItsFolder(file: string, argv: readonly string[]): string {
  const folder = dirname(file);
  const command = commandLine(argv);
  return folder === '.' ? command : `${commandLine(['cd', folder])} && ${command}`;
}
