/** The OVA that the main job built, which asks for BIOS, and another one of the same disk that asks for UEFI. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { inject } from 'vitest';
import { exportAppliance } from '../../../src/appliance/export.ts';
import type { Firmware } from '../../../src/hypervisors/hypervisor.ts';
import { readAppliance } from '../../../src/pipeline/prepare.ts';
import { quietProgress } from '../../../src/system/progress.ts';
import type { HelloBuild } from '../hello-build.ts';

/** Made once in a run; an export has its name only when it is whole. */
export async function ovaFor(firmware: Firmware, hello: HelloBuild): Promise<string> {
  if (firmware === 'bios') return hello.ova;
  const folder = join(inject('runFolder'), 'uefi');
  const path = join(folder, 'hello-uefi.ova');
  const made = await stat(path).catch(() => undefined);
  return made ? path : exportForUefi(hello, folder);
}

async function exportForUefi(hello: HelloBuild, outputFolder: string): Promise<string> {
  const { manifest } = (await readAppliance('examples/hello')).file;
  if (manifest.machine.firmware !== 'bios') throw new Error('examples/hello asks for UEFI itself');
  const machine = { ...manifest.machine, firmware: 'uefi' } as const;
  const [ova] = await exportAppliance(
    {
      manifest: { ...manifest, machine },
      diskPath: join(hello.buildFolder, 'disk.raw'),
      diskFormat: 'raw',
      outputFolder,
      baseName: 'hello-uefi',
      formats: ['ova'],
      sourceDateEpoch: 0,
    },
    quietProgress(),
  );
  return ova?.path ?? '';
}
