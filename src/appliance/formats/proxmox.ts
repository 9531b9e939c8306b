/** A folder for Proxmox VE: a qcow2, and a script with the commands that make a machine of it. */
import { writeQcow2 } from '../qcow2/writer.ts';
import type { Format } from './format.ts';
import { proxmoxScript } from './proxmox-script.ts';

const names = (baseName: string) => ({
  script: `${baseName}-proxmox/import.sh`,
  image: `${baseName}-proxmox/${baseName}.qcow2`,
});

export const proxmox: Format = {
  forms: ['deflatedSmall'],
  fileNames: (baseName) => [names(baseName).script, names(baseName).image],
  details: ['a folder with a compressed qcow2 and a script with the qm commands'],
  room: 'deflated',
  proof: { type: 'disk', fileName: (baseName) => names(baseName).image, qemuFormat: 'qcow2' },
  write: async ({ manifest, baseName, disk, output }) => {
    const { script, image } = names(baseName);
    await output.file(image, async (file) => {
      await writeQcow2(file, disk);
      return undefined;
    });
    const text = proxmoxScript(manifest, `${baseName}.qcow2`);
    await output.stream(script, [Buffer.from(text)], 0o755);
  },
};
