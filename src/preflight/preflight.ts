/**
 * Which checks are made when. `doctor` makes them all; a build makes those that can end it before it
 * begins and that take no time. What it finds out by itself right away is left to it: whether KVM works,
 * how VirtualBox is, and whether the repositories answer. The room is looked at when its packages are known.
 */
import type { HypervisorName } from '../hypervisors/registry.ts';
import { clock } from './checks/clock.ts';
import { hardwareVirtualization } from './checks/hardware-virtualization.ts';
import { limits } from './checks/limits.ts';
import { memory } from './checks/memory.ts';
import { mirror, type Repository } from './checks/mirror.ts';
import { outputFolder } from './checks/output-folder.ts';
import { programItself } from './checks/program-itself.ts';
import { programs, versions } from './checks/programs.ts';
import { type SpaceFolders, space } from './checks/space.ts';
import { userNamespaces } from './checks/user-namespaces.ts';
import { virtualBox } from './checks/virtualbox.ts';
import type { Check } from './finding.ts';
import type { SpacePrediction } from './predict-space.ts';

/** What a build, or an imagined one, wants of this computer. */
export interface Wants {
  readonly folders: SpaceFolders;
  readonly diskBytes: number;
  readonly memoryBytes: number;
  /** Whether the medium's system is in the cache already. */
  readonly base: 'cached' | 'to-be-made';
}

export interface DoctorWants extends Wants {
  readonly pvmcVersion: string;
  readonly repositories: readonly Repository[];
  readonly prediction: SpacePrediction;
}

export function doctorChecks(wants: DoctorWants): readonly Check[] {
  const { pvmcVersion, repositories, folders, prediction } = wants;
  return [
    programItself(pvmcVersion),
    programs(),
    versions(),
    hardwareVirtualization(),
    virtualBox(),
    namespaces(wants),
    outputFolder({ path: folders.output, diskBytes: wants.diskBytes }),
    space({ folders, prediction }),
    limits(wants),
    memory(wants),
    clock(),
    mirror({ repositories }),
  ];
}

export interface BuildWants extends Wants {
  readonly hypervisor: HypervisorName;
  /** A medium that was made elsewhere takes none of the programs that make one. */
  readonly medium: 'made' | 'given';
}

/** Before a build makes anything. */
export function buildChecks(wants: BuildWants): readonly Check[] {
  const { hypervisor, medium } = wants;
  return [
    ...(hypervisor === 'qemu' && medium === 'made' ? [programs()] : []),
    ...(medium === 'made' ? namespacesIfNeeded(wants) : []),
    outputFolder({ path: wants.folders.output, diskBytes: wants.diskBytes }),
    limits(wants),
    memory(wants),
    clock(),
  ];
}

/** Before the medium alone is made: no machine is started. */
export function mediumChecks(wants: Pick<Wants, 'folders' | 'base'>): readonly Check[] {
  const folder = outputFolder({ path: wants.folders.output, diskBytes: 0 });
  return [...namespacesIfNeeded(wants), folder, clock()];
}

/** Before a finished appliance is verified. */
export function verifyChecks(outputPath: string): readonly Check[] {
  return [outputFolder({ path: outputPath, diskBytes: 0 })];
}

/** A base in the cache does, most likely, and else mmdebstrap says the same. */
function namespacesIfNeeded(wants: Pick<Wants, 'base'>): readonly Check[] {
  return wants.base === 'cached' ? [] : [namespaces(wants)];
}

function namespaces({ base }: Pick<Wants, 'base'>): Check {
  return userNamespaces({ refusal: base === 'cached' ? 'warning' : 'problem' });
}
