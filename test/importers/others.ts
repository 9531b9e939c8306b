/** virt-v2v, which converts packages and disks of other hypervisors, and pvmc's own lint. */
import { join } from 'node:path';
import { type Importer, versionOf } from './importer.ts';

/** How libguestfs is told which kernel its own small machine takes, where the host has none in /boot. */
const KERNEL = ['SUPERMIN_KERNEL', 'SUPERMIN_KERNEL_VERSION', 'SUPERMIN_MODULES'];

export const virtV2v: Importer = {
  name: 'virt-v2v',
  version: () => versionOf('virt-v2v', '--version'),
  attempt: ({ format, file, image }, trial) => {
    const isOva = format.startsWith('ova');
    // It boots a machine for each: one of each kind has to do.
    if (!['ova', 'ova-vmware', 'vmdk'].includes(format)) return undefined;
    const input = isOva ? ['-i', 'ova', file] : ['-i', 'disk', image];
    const given = KERNEL.flatMap((name) => {
      const value = process.env[name];
      return value === undefined ? [] : [[name, value]];
    });
    const env = {
      ...Object.fromEntries(given),
      HOME: trial.folder,
      LIBGUESTFS_BACKEND: 'direct',
      LIBGUESTFS_BACKEND_SETTINGS: 'force_tcg',
      TMPDIR: trial.folder,
    };
    const output = ['-o', 'local', '-os', trial.folder, '-of', 'qcow2', '-on', 'converted'];
    return trial
      .run(['virt-v2v', ...input, ...output], { env })
      .then(() => trial.run(['virt-xml-validate', join(trial.folder, 'converted.xml'), 'domain']))
      .then(() => 'converted');
  },
};

export const lint: Importer = {
  name: 'pvmc lint',
  version: () => versionOf('./pvmc', '--version'),
  attempt: ({ format, file }, trial) =>
    /^(?:ova|ovf|vmdk)/.test(format)
      ? trial
          .run(['./pvmc', 'lint', file], { accept: [0, 1, 2, 3, 4, 5] })
          .then(({ stdout }) => rulesOf(stdout))
      : undefined,
};

function rulesOf(said: string): string {
  const rules = new Set(said.match(/\bL\d{3} [\w-]+/g));
  return rules.size === 0 ? 'nothing found' : [...rules].map((rule) => `\`${rule}\``).join(', ');
}
