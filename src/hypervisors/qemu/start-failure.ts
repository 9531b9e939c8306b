/** QEMU's reasons for not starting, read where they are said, as errors that tell what to do. */
import { PvmcError } from '../../system/error.ts';
import { commandLine } from '../../system/run.ts';
import { formatSize } from '../../system/size.ts';
import type { MachineSpecification } from '../hypervisor.ts';
import type { Accelerator } from './command-line.ts';
import type { ProcessEnd } from './process.ts';

export interface FailedStart {
  readonly specification: MachineSpecification;
  readonly accelerator: Accelerator;
  readonly argv: readonly string[];
  /** What QEMU said in this start. */
  readonly said: string;
  readonly end: ProcessEnd;
}

/** The code of a start that failed for KVM alone: it may be repeated without. */
export const ACCELERATION_FAILED = 'acceleration-failed';

type Reason = (failed: FailedStart) => ConstructorParameters<typeof PvmcError>[0];

const REASONS: readonly { readonly said: RegExp; readonly reason: Reason }[] = [
  {
    said: /cannot set up guest memory|Cannot allocate memory/i,
    reason: ({ specification }) => ({
      kind: 'host',
      code: 'memory-insufficient',
      message: `this host cannot give the machine ${formatSize(specification.memoryBytes)} of memory`,
      hint: 'End other programs, or lower `memory` of the machine in the manifest.',
    }),
  },
  {
    said: /Could not set up host forwarding rule/,
    reason: ({ specification }) => ({
      kind: 'host',
      code: 'port-in-use',
      message: `a port to forward to the machine is in use: ${Object.values(specification.forwardPorts ?? {}).join(', ')} on 127.0.0.1`,
      hint: 'End the program that listens on it (`ss -ltnp` shows it), or run the build again.',
    }),
  },
  {
    said: /Failed to get .*lock/,
    reason: ({ specification }) => ({
      kind: 'host',
      code: 'disk-in-use',
      message: `another program uses the disk ${specification.disk.path} or another file of the machine`,
      hint: 'A machine may still run on it: `pgrep -a qemu` shows the running ones.',
    }),
  },
  {
    said: /No space left on device/,
    reason: ({ specification }) => ({
      kind: 'host',
      code: 'no-space',
      message: `no space is left for the machine ${specification.name}`,
      hint: `Make room on the disk that holds ${specification.runtimeFolder}.`,
    }),
  },
];

/** The error that a start's failure is. */
export function startFailure(failed: FailedStart): PvmcError {
  const lines = failed.said.split('\n').filter((line) => line.trim() !== '');
  const details = [...lines.slice(-20), `the command was: ${commandLine(failed.argv)}`];
  const known = REASONS.find(({ said }) => said.test(failed.said));
  if (known) return new PvmcError({ details, ...known.reason(failed) });
  // KVM's refusals have many wordings, failed assertions among them; all name it or its source file.
  if (failed.accelerator === 'kvm' && /kvm/i.test(failed.said))
    return new PvmcError({
      kind: 'host',
      code: ACCELERATION_FAILED,
      message: `KVM refused the machine ${failed.specification.name}`,
      details,
    });
  return new PvmcError({
    kind: 'machine',
    code: 'machine-start-failed',
    message: `QEMU did not start the machine ${failed.specification.name}: ${howItEnded(failed.end)}`,
    details,
  });
}

/** How a process ended, as the second half of a sentence. */
export function howItEnded({ status, signal, failure }: ProcessEnd): string {
  if (failure !== undefined) return failure;
  return signal === null ? `it ended with exit status ${status}` : `it was ended by ${signal}`;
}
