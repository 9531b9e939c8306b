/** An end of the machine that is none of the appliance's doing, and proves nothing about it. */
import type { MachineEvent } from '../hypervisors/hypervisor.ts';
import { PvmcError } from '../system/error.ts';

export function endedFromOutside(event: MachineEvent, machine: string): PvmcError | undefined {
  if (event.type === 'disk-error')
    return new PvmcError({
      kind: 'machine',
      code: 'machine-disk-error',
      message: `the disk of the machine ${machine} failed: ${event.reason}`,
      hint: 'Is the file system of the work folder full? df -h tells.',
    });
  if (event.type === 'stopped' && event.by !== 'guest')
    return new PvmcError({
      kind: 'machine',
      code: 'machine-ended',
      message: `the machine ${machine} was ended from outside`,
      hint: 'Something on this computer ended it: its memory running out, for instance.',
    });
  return undefined;
}
