/**
 * The formats that `exports` may name, and what each is for. How they are written, stage 6 knows
 * (appliance/formats/), by these names.
 */
export const EXPORT_FORMATS = {
  ova: 'VirtualBox, VMware and others, one file that serves all',
  'ova-vmware': 'VMware alone: paravirtual SCSI and network',
  'ova-virtualbox': 'VirtualBox 6.0 and later alone: AHCI, virtio network',
  ovf: 'what `ova` packs, as a folder: descriptor, manifest and disk',
  vmdk: 'the streamOptimized disk alone, for VMware and clouds that import it',
  'vmdk-sparse': 'a monolithicSparse disk to attach to VMware Workstation, Fusion or VirtualBox',
  qcow2: 'Proxmox, KVM and OpenStack, compressed',
  raw: 'a disk or cloud that wants plain bytes, a sparse file',
  'raw-zst': 'the same, compressed by zstd',
  vhdx: 'Hyper-V',
  'hyper-v': 'the same with a PowerShell script that makes a machine of it, as a folder',
  vhd: 'Azure: a fixed VHD',
  vdi: 'VirtualBox',
  'vagrant-virtualbox': 'a box for Vagrant with VirtualBox',
  'vagrant-libvirt': 'a box for Vagrant with libvirt',
  proxmox: 'a qcow2 with a script that makes a machine of it in Proxmox VE, as a folder',
} as const;

export type ExportFormat = keyof typeof EXPORT_FORMATS;

/** In the order of the table. */
export const EXPORT_FORMAT_NAMES = Object.keys(EXPORT_FORMATS).filter(isExportFormat);

function isExportFormat(name: string): name is ExportFormat {
  return Object.hasOwn(EXPORT_FORMATS, name);
}
