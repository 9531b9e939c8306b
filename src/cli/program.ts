/**
 * What the command line needs from the rest of the program. `main.ts` wires the pipeline's functions
 * in; the tests of the command line wire a small stand-in that emits the same kinds of events.
 */
import type { BuildEvent, BuildResult, ExportedFile, StageName } from '../pipeline/events.ts';

export type Emit = (event: BuildEvent) => void;

/** What happens to a build's working files: kept only after a failure, always, or never. */
export const KEEP_POLICIES = ['failed', 'always', 'never'] as const;
export type KeepPolicy = (typeof KEEP_POLICIES)[number];

/** The hypervisors that a build can be told to use. */
export const HYPERVISORS = ['qemu'] as const;
export type HypervisorName = (typeof HYPERVISORS)[number];

/**
 * Deadlines in seconds that the user set: for a whole stage, and `silence` for how long the guest may
 * say nothing at all. Whatever is not named has the pipeline's own.
 */
export type Timeouts = Readonly<Partial<Record<StageName | 'silence', number>>>;

export interface BuildOptions {
  readonly manifestPath: string;
  readonly outputFolder: string;
  readonly verify: boolean;
  readonly hypervisor?: HypervisorName | undefined;
  readonly keep: KeepPolicy;
  readonly timeouts: Timeouts;
  readonly cacheFolder?: string | undefined;
}

export interface IsoOptions {
  readonly manifestPath: string;
  readonly outputFolder: string;
  readonly cacheFolder?: string | undefined;
}

export type IsoResult = Omit<ExportedFile, 'format'>;

export interface CheckOptions {
  /** Leaves out what needs the network: whether the repository has the packages. */
  readonly offline: boolean;
  readonly cacheFolder?: string | undefined;
}

/** What is wrong with a manifest or deserves a look. `lines` are ready to be shown. */
export interface CheckProblem {
  readonly severity: 'error' | 'warning';
  readonly lines: readonly string[];
}

export interface CheckReport {
  readonly appliance: string;
  readonly version: string;
  readonly problems: readonly CheckProblem[];
}

export interface PlannedPartition {
  readonly number: number;
  readonly name: string;
  readonly sizeBytes: number;
  /** What it holds: `ext4`, `vfat`, `BIOS boot code`. */
  readonly content: string;
  readonly mountPoint?: string | undefined;
}

export interface PlannedStep {
  readonly title: string;
  /** The substance of what will be done, one line each. */
  readonly details: readonly string[];
}

export interface PlannedStage {
  readonly stage: StageName;
  readonly title: string;
  readonly steps: readonly PlannedStep[];
}

export interface Plan {
  readonly appliance: string;
  readonly version: string;
  readonly stages: readonly PlannedStage[];
  readonly partitions: readonly PlannedPartition[];
}

export interface VerifyOptions {
  readonly timeouts: Timeouts;
  readonly cacheFolder?: string | undefined;
}

export interface VerifyCheck {
  /** `manifest digests`, `boots under BIOS`, … */
  readonly name: string;
  readonly outcome: 'passed' | 'failed' | 'skipped';
  readonly detail?: string | undefined;
  readonly seconds: number;
}

export interface VerifyReport {
  readonly checks: readonly VerifyCheck[];
  /** The folder with screenshots and logs. */
  readonly folder?: string | undefined;
}

export interface Program {
  readonly version: string;
  buildAppliance(options: BuildOptions, emit: Emit, signal: AbortSignal): Promise<BuildResult>;
  buildIso(options: IsoOptions, emit: Emit, signal: AbortSignal): Promise<IsoResult>;
  checkManifest(request: Request<CheckOptions>): Promise<CheckReport>;
  planBuild(request: Request<{ readonly cacheFolder?: string | undefined }>): Promise<Plan>;
  verifyFile(request: Request<VerifyOptions>): Promise<VerifyReport>;
  manifestTemplate(name: string): string;
  manifestJsonSchema(): unknown;
}

/** What is asked of a function that works on one file. */
export interface Request<Options> {
  readonly path: string;
  readonly options: Options;
  readonly emit: Emit;
  readonly signal: AbortSignal;
}
