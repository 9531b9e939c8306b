/** The formats by their names: what stage 6 writes, plan announces, preflight makes room for. */
import type { ExportFormat } from '../../manifest/export-formats.ts';
import type { Format } from './format.ts';
import { ova, ovaVirtualBox, ovaVmware } from './ova.ts';
import { ovf } from './ovf.ts';
import { qcow2 } from './qcow2.ts';
import { raw } from './raw.ts';
import { vmdk } from './vmdk.ts';

export const FORMATS: Readonly<Record<ExportFormat, Format>> = {
  ova,
  'ova-vmware': ovaVmware,
  'ova-virtualbox': ovaVirtualBox,
  ovf,
  vmdk,
  qcow2,
  raw,
};
