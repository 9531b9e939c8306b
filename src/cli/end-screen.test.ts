import { describe, expect, it } from 'vitest';
import type { BuildResult } from '../pipeline/events.ts';
import { renderEnd } from './end-screen.ts';
import { UNICODE_STYLE } from './testing/terminal.ts';

const sha256 = 'c'.repeat(64);
const result: BuildResult = {
  build: 'b1',
  folder: '/builds/b1',
  files: [
    { format: 'ova', path: '/here/out/hello-1.0.ova', sizeBytes: 340 * 2 ** 20, sha256 },
    { format: 'qcow2', path: '/here/out/hello-1.0.qcow2', sizeBytes: 900 * 2 ** 20, sha256 },
    { format: 'raw', path: '/else/my disk.raw', sizeBytes: 8 * 2 ** 30, sha256 },
  ],
  stageSeconds: { media: 12, construct: 245.4 },
  seconds: 300,
  verified: true,
  unchanged: false,
  resume: './pvmc build --resume examples/hello',
};
const frame = {
  style: UNICODE_STYLE,
  shorten: (path: string) => path.replace('/here/', ''),
  times: 'untold',
} as const;

describe('renderEnd', () => {
  it('says what was made, how long it took and how to import it', () => {
    expect(`\n${renderEnd(result, frame).join('\n')}\n`).toMatchInlineSnapshot(`
      "
      ✓ built, imported afresh and seen to boot in 5 min 00 s

        out/hello-1.0.ova  340 MiB
          sha256 cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc
        out/hello-1.0.qcow2  900 MiB
          sha256 cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc
        /else/my disk.raw  8 GiB
          sha256 cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc

        Build the PVMC ISO              12 s
        Construct the appliance   4 min 05 s

        VirtualBox  VBoxManage import out/hello-1.0.ova
        VMware      File > Open, or ovftool out/hello-1.0.ova hello-1.0.vmx
        Proxmox     tar -xf out/hello-1.0.ova && qm importovf VMID hello-1.0.ovf STORAGE
        QEMU        tar -xf out/hello-1.0.ova && qemu-img convert -O qcow2 ./*.vmdk hello-1.0.qcow2
        QEMU        qemu-system-x86_64 -snapshot -m 1G -drive file=out/hello-1.0.qcow2,format=qcow2,if=virtio
        Proxmox     qm importdisk VMID out/hello-1.0.qcow2 STORAGE
        QEMU        qemu-system-x86_64 -snapshot -m 1G -drive 'file=/else/my disk.raw,format=raw,if=virtio'
      "
    `);
  });

  it('says where Vagrant has to be started, which looks for the box there', () => {
    const path = '/here/my out/hello-1.0-vagrant-virtualbox.box';
    const box = { format: 'vagrant-virtualbox', path, sizeBytes: 2 ** 20, sha256 } as const;
    expect(renderEnd({ ...result, files: [box] }, frame).join('\n')).toContain(
      "cd 'my out' && vagrant box add hello-1.0-vagrant-virtualbox.json",
    );
  });

  it('says which script makes a machine of what lies in a folder', () => {
    const files = [
      { format: 'proxmox', path: '/here/my out/hello-1.0-proxmox/import.sh' },
      { format: 'hyper-v', path: '/here/my out/hello-1.0-hyper-v/Import-Appliance.ps1' },
    ] as const;
    const made = files.map((file) => ({ ...file, sizeBytes: 5000, sha256 }));
    const text = renderEnd({ ...result, files: made }, frame).join('\n');
    expect(text).toContain(
      "copy 'my out/hello-1.0-proxmox' to the host; there: sh hello-1.0-proxmox/import.sh VMID STORAGE",
    );
    expect(text).toContain(
      `copy 'my out/hello-1.0-hyper-v' to the host; there: powershell -ExecutionPolicy Bypass -File "hello-1.0-hyper-v\\Import-Appliance.ps1"`,
    );
  });

  it('does not say verified of what was not', () => {
    const [first] = renderEnd({ ...result, verified: false }, frame);
    expect(first).toBe('! built, but not verified in 5 min 00 s');
  });

  it('does not repeat the times that the terminal view has shown', () => {
    expect(renderEnd(result, { ...frame, times: 'seen' }).join('\n')).not.toContain(
      'Build the PVMC ISO',
    );
  });
});
