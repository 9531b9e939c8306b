/**
 * What the command line needs from the rest of the program. `main.ts` wires the pipeline's functions
 * in; the tests of the command line wire a small stand-in that emits the same kinds of events.
 */
import type { CheckOptions, CheckReport } from '../pipeline/check.ts';
import type { BuildEvent, BuildResult, StageName } from '../pipeline/events.ts';
import type { IsoOptions, IsoResult } from '../pipeline/iso.ts';
import type { Plan } from '../pipeline/plan.ts';
import type { VerifyOptions } from '../pipeline/verify-file.ts';
import type { VerifyReport } from '../verify/report.ts';

export type Emit = (event: BuildEvent) => void;

/** Whether the machine's disk stays in the build's folder: only after a failure, always, or never. */
export const KEEP_POLICIES = ['failed', 'always', 'never'] as const;
export type KeepPolicy = (typeof KEEP_POLICIES)[number];

/**
 * Deadlines in seconds that the user set: for a whole stage, and `silence` for how long the guest may
 * say nothing at all. Whatever is not named has the pipeline's own.
 */
export type Timeouts = Readonly<Partial<Record<StageName | 'silence', number>>>;

export interface BuildOptions {
  readonly manifestPath: string;
  readonly outputFolder: string;
  readonly verify: boolean;
  readonly keep: KeepPolicy;
  readonly timeouts: Timeouts;
  readonly cacheFolder?: string | undefined;
}

export interface Program {
  readonly version: string;
  buildAppliance(options: BuildOptions, emit: Emit, signal: AbortSignal): Promise<BuildResult>;
  buildIso(options: IsoOptions, emit: Emit, signal: AbortSignal): Promise<IsoResult>;
  checkManifest(request: Request<CheckOptions>): Promise<CheckReport>;
  planBuild(request: Request<{ readonly cacheFolder?: string | undefined }>): Promise<Plan>;
  verifyFile(request: Request<VerifyOptions>): Promise<VerifyReport>;
  /** The text of a first manifest that will lie in that folder, an absolute path. */
  manifestTemplate(folder: string): string;
  manifestJsonSchema(): unknown;
}

/** What is asked of a function that works on one file. */
export interface Request<Options> {
  readonly path: string;
  readonly options: Options;
  readonly emit: Emit;
  readonly signal: AbortSignal;
}
