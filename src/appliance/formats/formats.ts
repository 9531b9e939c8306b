/** The formats by their names: what stage 6 writes, plan announces, preflight makes room for. */
import type { ExportFormat } from '../../manifest/export-formats.ts';
import type { Format } from './format.ts';
import { hyperV } from './hyper-v.ts';
import { ova, ovaVirtualBox, ovaVmware } from './ova.ts';
import { ovf } from './ovf.ts';
import { proxmox } from './proxmox.ts';
import { qcow2 } from './qcow2.ts';
import { raw } from './raw.ts';
import { rawZst } from './raw-zst.ts';
import { vagrantLibvirt } from './vagrant-libvirt.ts';
import { vagrantVirtualBox } from './vagrant-virtualbox.ts';
import { vdi } from './vdi.ts';
import { vhd } from './vhd.ts';
import { vhdx } from './vhdx.ts';
import { vmdk } from './vmdk.ts';
import { vmdkSparse } from './vmdk-sparse.ts';

export const FORMATS: Readonly<Record<ExportFormat, Format>> = {
  ova,
  'ova-vmware': ovaVmware,
  'ova-virtualbox': ovaVirtualBox,
  ovf,
  vmdk,
  'vmdk-sparse': vmdkSparse,
  qcow2,
  raw,
  'raw-zst': rawZst,
  vhdx,
  'hyper-v': hyperV,
  vhd,
  vdi,
  'vagrant-virtualbox': vagrantVirtualBox,
  'vagrant-libvirt': vagrantLibvirt,
  proxmox,
};
