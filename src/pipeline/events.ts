/**
 * What a run says while it goes on. The terminal view, the plain lines and `--json` are three ways to
 * show this one stream.
 */
import type { ExportedFile } from '../appliance/export.ts';
import type { Amount } from '../system/progress.ts';

export type { ExportedFile };

/** The seven stages, in order. */
export const STAGES = [
  { name: 'media', title: 'Build the PVMC ISO' },
  { name: 'machine', title: 'Configure the machine' },
  { name: 'start', title: 'Start the machine' },
  { name: 'boot', title: 'Boot the constructor' },
  { name: 'construct', title: 'Construct the appliance' },
  { name: 'export', title: 'Export the appliance' },
  { name: 'verify', title: 'Verify the export' },
] as const;

export type StageName = (typeof STAGES)[number]['name'];

export type BuildEvent =
  | {
      readonly type: 'build-started';
      /** The build's folder name, unique. */
      readonly build: string;
      readonly folder: string;
      readonly appliance: string;
      readonly version: string;
      /** Learned from earlier runs; a stage that was never run has none. */
      readonly expectedSeconds: Readonly<Partial<Record<StageName, number>>>;
    }
  | { readonly type: 'stage-started'; readonly stage: StageName }
  | {
      readonly type: 'stage-finished';
      readonly stage: StageName;
      readonly seconds: number;
      /** What came of it, in a few words: `162 MiB, from the cache`. */
      readonly result: string;
    }
  /** The stage need not be done: an earlier build, `from`, has done it with the same inputs. */
  | {
      readonly type: 'stage-reused';
      readonly stage: StageName;
      readonly from: string;
      readonly result: string;
    }
  /** `index` counts from 1; `count` is undefined while the number of steps is not known. */
  | {
      readonly type: 'step-started';
      readonly stage: StageName;
      readonly step: string;
      readonly title: string;
      readonly index: number;
      readonly count?: number | undefined;
    }
  | {
      readonly type: 'step-finished';
      readonly stage: StageName;
      readonly step: string;
      readonly seconds: number;
    }
  | { readonly type: 'amount'; readonly stage: StageName; readonly amount: Amount }
  | { readonly type: 'log'; readonly origin: string; readonly line: string }
  | { readonly type: 'notice'; readonly line: string }
  | { readonly type: 'build-finished'; readonly result: BuildResult }
  | { readonly type: 'build-failed'; readonly failure: BuildFailure };

export type Emit = (event: BuildEvent) => void;

/** What is asked of a function that works on one file. */
export interface FileRequest<Options> {
  readonly path: string;
  readonly options: Options;
  readonly emit: Emit;
  readonly signal: AbortSignal;
}

export interface BuildResult {
  readonly build: string;
  readonly folder: string;
  readonly files: readonly ExportedFile[];
  readonly stageSeconds: Readonly<Partial<Record<StageName, number>>>;
  readonly seconds: number;
  /** Imported afresh and seen to boot under BIOS and UEFI. */
  readonly verified: boolean;
  /** Nothing had to be done: the build named here had done it all, with the same inputs. */
  readonly unchanged: boolean;
  /** The last stage, when the build was told to stop before the end. */
  readonly until?: StageName | undefined;
  /** The command that goes on with it. */
  readonly resume: string;
}

export interface BuildFailure {
  readonly kind: string;
  readonly code: string;
  readonly message: string;
  readonly hint?: string | undefined;
  readonly details: readonly string[];
  readonly stage?: StageName | undefined;
  readonly step?: string | undefined;
  /** The last lines that the guest's console or constructor said. */
  readonly lastLines: readonly string[];
  /** The folder with everything: console log, guest journal, apt log, screenshot, manifest. */
  readonly folder?: string | undefined;
  /** The command that goes on with the build. */
  readonly resume?: string | undefined;
  /** The command that opens the machine as it was left. */
  readonly diagnose?: string | undefined;
}
