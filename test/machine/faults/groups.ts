/** All the faults, in the order of docs/reliability.md. */
import { afterInstallFaults } from './after.ts';
import { diskFaults } from './disk.ts';
import type { FaultGroup } from './fault.ts';
import { guestFaults } from './guest.ts';
import { hostFaults, repositoryFaults } from './host.ts';
import { linkFaults } from './link.ts';
import { mediumFaults } from './medium.ts';
import { networkFaults } from './network.ts';
import { peopleFaults } from './people.ts';

export const FAULT_GROUPS: readonly FaultGroup[] = [
  repositoryFaults,
  hostFaults,
  mediumFaults,
  guestFaults,
  linkFaults,
  networkFaults,
  diskFaults,
  afterInstallFaults,
  peopleFaults,
];
