/** Ends of a machine that are none of its guest's doing, and prove nothing about it, as errors. */
import { PvmcError } from '../system/error.ts';
import type { MachineEvent } from './hypervisor.ts';

/** Undefined for what the guest itself has done. */
export function endedFromOutside(event: MachineEvent): PvmcError | undefined {
  switch (event.type) {
    case 'killed':
      return event.outOfMemory ? outOfMemory(event.reason) : ended(`: ${event.reason}`);
    case 'stopped':
      return event.by === 'guest' ? undefined : ended('');
    case 'stalled':
      return new PvmcError({
        kind: 'machine',
        code: 'machine-stalled',
        message: `the machine stands still: ${event.reason}`,
        hint: 'Whatever held it up on this computer has to let it run; then build again.',
      });
    case 'crashed':
      return new PvmcError({
        kind: 'machine',
        code: 'machine-crashed',
        message: `the machine crashed: ${event.reason}`,
        hint: "The hypervisor's own log is in the folder `machine` of the build.",
      });
    case 'disk-error':
      return new PvmcError({
        kind: 'machine',
        code: 'machine-disk-error',
        message: `the disk of the machine failed: ${event.reason}`,
        hint: 'Is the file system of its folder full? df -h tells.',
      });
    case 'panicked':
    case 'reset':
      return undefined;
  }
}

function ended(how: string): PvmcError {
  return new PvmcError({
    kind: 'machine',
    code: 'machine-ended',
    message: `the machine was ended from outside${how}`,
    hint: 'Something on this computer ended it. Build again.',
  });
}

function outOfMemory(reason: string): PvmcError {
  return new PvmcError({
    kind: 'host',
    code: 'host-out-of-memory',
    message: `this computer ran out of memory, and its kernel ended the machine: ${reason}`,
    hint: 'End other programs, or lower `memory` of the machine in the manifest.',
  });
}
