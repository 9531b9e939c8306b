import { expect, test } from 'vitest';
import { tables } from './importers/tables.ts';

test('a cell that nobody has run says so, and commands are told without the folders of a computer', () => {
  const said = tables(
    ['libvirt', 'lint'],
    [
      {
        format: 'qcow2',
        importer: 'libvirt',
        version: 'libvirt 9.0.0',
        outcome: 'a | b',
        commands: [
          'virsh -c qemu:///session define --disk path=/tmp/x/layer.qcow2,bus=virtio',
          '/tmp/y/bin/VBoxManage import /a/b/c.ova --basefolder /tmp/trial-aB3xYz',
          './pvmc lint /a/b.ova',
        ],
      },
    ],
  );
  expect(said).toContain('| format | libvirt |\n|---|---|\n| `ova` | not run |');
  expect(said).toContain('| `qcow2` | a \\| b |');
  expect(said).toContain('| libvirt | libvirt 9.0.0 |');
  expect(said).toContain(
    '`virsh -c qemu:///session define --disk path=layer.qcow2,bus=virtio`<br>`VBoxManage import c.ova --basefolder WORK`<br>`./pvmc lint b.ova`',
  );
});
