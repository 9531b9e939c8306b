/** What a user can ask of a build beside its manifest. */
import type { HypervisorName } from '../hypervisors/registry.ts';
import type { StageName } from './events.ts';
import type { Timeouts } from './limits.ts';

/**
 * Whether the machine's disk and its checkpoint stay in the build's folder: until a newer build of the
 * appliance takes their place, always, only after a failure, or never.
 */
export const KEEP_POLICIES = ['latest', 'always', 'failed', 'never'] as const;
export type KeepPolicy = (typeof KEEP_POLICIES)[number];

/** What of earlier builds may be used: all that is the same; of the last unfinished one, going on in its folder; nothing. */
export type ReusePolicy = 'same' | 'resume' | 'nothing';

export interface BuildOptions {
  readonly manifestPath: string;
  readonly outputFolder: string;
  readonly hypervisor: HypervisorName;
  /** A PVMC ISO that was made elsewhere. */
  readonly mediumPath?: string | undefined;
  /** The key that signs the exports, and its certificate; what the manifest says unless given. */
  readonly signKeyPath?: string | undefined;
  readonly signCertificatePath?: string | undefined;
  readonly verify: boolean;
  readonly keep: KeepPolicy;
  readonly timeouts: Timeouts;
  readonly reuse: ReusePolicy;
  /** This stage and all later ones are done again. */
  readonly from?: StageName | undefined;
  /** The last stage to do. */
  readonly until?: StageName | undefined;
  readonly cacheFolder?: string | undefined;
}
