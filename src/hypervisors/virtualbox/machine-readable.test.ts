import { expect, it } from 'vitest';
import { parseMachineReadable } from './machine-readable.ts';

it('reads names and values, quoted or not', () => {
  const text = [
    'WARNING: The character device /dev/vboxdrv does not exist.',
    'name="two \\"quotes\\" and a \\\\ = sign"',
    'VMState="poweroff"\r',
    'memory=1024',
    '"SATA-0-0"="/disks/Zürich.vdi"',
    'Forwarding(0)="ssh,tcp,127.0.0.1,2222,,22"',
    ' rec_screen0',
  ];
  expect([...parseMachineReadable(text.join('\n'))]).toEqual([
    ['name', 'two "quotes" and a \\ = sign'],
    ['VMState', 'poweroff'],
    ['memory', '1024'],
    ['SATA-0-0', '/disks/Zürich.vdi'],
    ['Forwarding(0)', 'ssh,tcp,127.0.0.1,2222,,22'],
  ]);
});
