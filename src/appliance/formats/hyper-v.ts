/** A folder for Hyper-V, which imports no OVA: a VHDX, and a PowerShell script that makes a machine of it. */
import { writeVhdx } from '../vhdx/writer.ts';
import type { Format } from './format.ts';
import { hyperVScript } from './hyper-v-script.ts';

const names = (baseName: string) => ({
  script: `${baseName}-hyper-v/Import-Appliance.ps1`,
  image: `${baseName}-hyper-v/${baseName}.vhdx`,
});

export const hyperV: Format = {
  forms: [],
  fileNames: (baseName) => [names(baseName).script, names(baseName).image],
  details: ['a folder with a dynamic VHDX and a PowerShell script that makes a machine of it'],
  room: 'plain',
  proof: { type: 'disk', fileName: (baseName) => names(baseName).image, qemuFormat: 'vhdx' },
  write: async ({ manifest, baseName, disk, output }) => {
    const { script, image } = names(baseName);
    await output.file(image, async (file) => {
      await writeVhdx(file, disk, { seed: [baseName, manifest.version, String(disk.sizeBytes)] });
      return undefined;
    });
    await output.stream(script, [Buffer.from(hyperVScript(manifest, `${baseName}.vhdx`))]);
  },
};
