/** The OVA that is for VirtualBox alone, in a real VirtualBox: imported with the devices that it asks for. */
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { exportTiny, makeKnownDisk, makeManifest } from '../../src/appliance/testing/fixtures.ts';
import { parseMachineReadable } from '../../src/hypervisors/virtualbox/machine-readable.ts';
import { TestVirtualBox, whyNoVirtualBox } from '../support/virtualbox/test-virtualbox.ts';

let virtualbox: TestVirtualBox;

beforeEach(async ({ skip }) => {
  const skipped = await whyNoVirtualBox();
  if (skipped !== undefined) skip(skipped);
  virtualbox = await TestVirtualBox.install();
});

afterEach(async () => {
  await virtualbox?.remove();
});

test.each(['bios', 'uefi'] as const)('for %s it is imported as it is meant', async (firmware) => {
  const diskPath = join(virtualbox.folder, 'known.raw');
  await makeKnownDisk(diskPath);
  const manifest = makeManifest({ machine: { firmware } });
  const outputFolder = join(virtualbox.folder, 'out');
  const formats = ['ova-virtualbox'] as const;
  const [ova] = await exportTiny({ diskPath, outputFolder, manifest, formats });
  await virtualbox.manage('import', ova?.path ?? '');
  const { stdout } = await virtualbox.manage('showvminfo', 'tiny', '--machinereadable');
  expect(Object.fromEntries(parseMachineReadable(stdout))).toMatchObject({
    firmware: firmware === 'bios' ? 'BIOS' : 'EFI',
    storagecontrollertype0: 'IntelAhci',
    nic1: 'nat',
    nictype1: 'virtio',
    graphicscontroller: 'vmsvga',
    audio: 'none',
    usb: 'off',
  });
});
