/**
 * virt-v2v: turns packages and disks of other hypervisors into machines of KVM. It looks at what is installed on the
 * disk and changes it, by a small machine of libguestfs, in software: minutes for each. A machine boots from what
 * comes out.
 */
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Exported } from './exports.ts';
import { type Importer, type Trial, versionOf } from './importer.ts';
import { boots } from './qemu.ts';

/** What tells of a machine. The disk is the same in all the others. */
const FORMATS = ['ova', 'ova-vmware', 'ova-virtualbox', 'ovf'];
/** How libguestfs is told which kernel its machine takes, where the host has none in /boot. */
const KERNEL = ['SUPERMIN_KERNEL', 'SUPERMIN_KERNEL_VERSION', 'SUPERMIN_MODULES'];

export const virtV2v: Importer = {
  name: 'virt-v2v',
  version: () => versionOf('virt-v2v', '--version'),
  attempt: (exported, trial) =>
    FORMATS.includes(exported.format) ? convert(exported, trial) : undefined,
};

async function convert(exported: Exported, trial: Trial): Promise<string> {
  const output = ['-o', 'local', '-os', trial.folder, '-of', 'qcow2', '-on', 'converted'];
  const argv = ['virt-v2v', '-i', 'ova', inputOf(exported), ...output];
  await trial.run(argv, { env: environment(trial) });
  const machine = join(trial.folder, 'converted.xml');
  await trial.run(['virt-xml-validate', machine, 'domain']);
  const made = machineOf(await readFile(machine, 'utf8'));
  const heard = await boots(join(trial.folder, 'converted-sda'), 'qcow2', trial);
  return `converted: ${made}; ${heard}`;
}

/** Of an OVF without an archive it takes the folder. */
function inputOf({ format, file }: Exported): string {
  return format === 'ovf' ? dirname(file) : file;
}

function environment(trial: Trial): Readonly<Record<string, string>> {
  const given = KERNEL.flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value]];
  });
  return {
    ...Object.fromEntries(given),
    HOME: trial.folder,
    LIBGUESTFS_BACKEND: 'direct',
    LIBGUESTFS_BACKEND_SETTINGS: 'force_tcg',
    TMPDIR: trial.folder,
  };
}

function machineOf(xml: string): string {
  const cpus = /<vcpu[^>]*>(\d+)</.exec(xml)?.[1];
  const kib = Number(/<memory[^>]*>(\d+)</.exec(xml)?.[1]);
  const disk = /<target dev='\w+' bus='(\w+)'/.exec(xml)?.[1];
  const card = /<interface[\s\S]*?<model type='([\w-]+)'/.exec(xml)?.[1];
  const parts = [`${cpus} CPU`, `${kib / 1024} MB`, `disk ${disk}`, card && `card ${card}`];
  return parts.filter((part) => part !== undefined).join(', ');
}
