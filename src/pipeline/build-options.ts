/** What a user can ask of a build beside its manifest. */
import type { Timeouts } from './limits.ts';

/** Whether the machine's disk stays in the build's folder: only after a failure, always, or never. */
export const KEEP_POLICIES = ['failed', 'always', 'never'] as const;
export type KeepPolicy = (typeof KEEP_POLICIES)[number];

export interface BuildOptions {
  readonly manifestPath: string;
  readonly outputFolder: string;
  readonly verify: boolean;
  readonly keep: KeepPolicy;
  readonly timeouts: Timeouts;
  readonly cacheFolder?: string | undefined;
}
