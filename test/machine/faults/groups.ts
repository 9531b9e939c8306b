/** All the faults, in the order of docs/reliability.md. */
import type { FaultGroup } from './fault.ts';
import { hostFaults, repositoryFaults } from './host.ts';

export const FAULT_GROUPS: readonly FaultGroup[] = [repositoryFaults, hostFaults];
