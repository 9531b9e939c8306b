/** Which of its exports a build verifies. */
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { ExportedFile } from '../appliance/export.ts';
import { FORMATS } from '../appliance/formats/formats.ts';
import { makeManifest } from '../appliance/testing/fixtures.ts';
import { EXPORT_FORMAT_NAMES, type ExportFormat } from '../manifest/export-formats.ts';
import { exportToVerify, isPackagePath, machineOf } from './verify-stage.ts';

function filesOf(...formats: readonly ExportFormat[]): readonly ExportedFile[] {
  return formats.flatMap((format) =>
    FORMATS[format]
      .fileNames('tiny-1.0')
      .map((name) => ({ format, path: join('/out', name), sizeBytes: 1, sha256: '' })),
  );
}

describe('a build verifies', () => {
  test.each<[readonly ExportFormat[], string]>([
    [['qcow2', 'ovf', 'ova'], 'tiny-1.0.ova'],
    [['raw', 'ova-vmware'], 'tiny-1.0-vmware.ova'],
    [['qcow2', 'ovf'], 'tiny-1.0-ovf/tiny-1.0.ovf'],
    [['vdi', 'qcow2'], 'tiny-1.0.vdi'],
    [['hyper-v'], 'tiny-1.0-hyper-v/tiny-1.0.vhdx'],
    [['proxmox', 'raw'], 'tiny-1.0-proxmox/tiny-1.0.qcow2'],
    [['vagrant-libvirt'], 'tiny-1.0-vagrant-libvirt.box'],
  ])('of %j %s', (formats, name) => {
    expect(exportToVerify(filesOf(...formats), 'tiny-1.0')).toBe(join('/out', name));
  });

  test('something of every format', () => {
    for (const format of EXPORT_FORMAT_NAMES) {
      const path = exportToVerify(filesOf(format), 'tiny-1.0');
      expect(path).toMatch(/\.(ova|ovf|box|qcow2|vmdk|raw|zst|vhdx?|vdi)$/);
      expect(isPackagePath(path)).toBe(/^ov[af]/.test(format));
    }
  });

  test('a disk in the machine of the manifest', () => {
    const machine = { memory: '3 GiB', cpus: 4, network: 'none' };
    const expected = { memoryBytes: 3 * 2 ** 30, cpus: 4, hasNetwork: false };
    expect(machineOf(makeManifest({ machine }))).toEqual(expected);
  });
});
