/**
 * A fault as a small object: what goes wrong, when, how it is made, and what must be seen of it. Faults
 * of one run share its boot: all but the last are survived, or the list ends before them.
 */
import type { Tampering } from '../../support/faulty-qemu.ts';
import type { Bench } from './bench.ts';

export interface Fault {
  /** The row's name, unique: `the guest's kernel panics`. */
  readonly fault: string;
  /** Where in a build: `construct, while packages are fetched`. */
  readonly when: string;
  /** Waits for the moment, and resolves when the fault is there. */
  readonly inject: (bench: Bench) => Promise<void>;
  readonly seen: Ends | GoesOn;
}

/** The run ends, with this. */
export interface Ends {
  readonly status: number | null;
  /** Of the failure's screen; empty for an interrupted run, which has none. */
  readonly code: string;
  /** What the sentence says in which the user reads it. */
  readonly says: RegExp;
  /** From the fault to the end of the program. */
  readonly withinSeconds: number;
  /** Files of the build's folder, each with a text that is in it. */
  readonly keeps?: Readonly<Record<string, string>>;
}

/** The run goes on, and says this. */
export interface GoesOn {
  readonly goesOn: RegExp;
  readonly withinSeconds: number;
}

/** One run of pvmc, with its faults in the order in which they come. */
export interface FaultyRun {
  readonly faults: readonly [Fault, ...Fault[]];
  /** Among those of `npm run test:machine`; all others are made by `npm run test:faults` alone. */
  readonly everyTime?: true;
  /** Lines of the manifest besides the name, the version and the test's package. */
  readonly manifest?: readonly string[];
  /** Of pvmc; `build` unless told. */
  readonly arguments?: readonly string[];
  readonly qemu?: Tampering;
  /** A program that starts pvmc, with its arguments; `{folder}` in them is the run's folder, `{cache}` its cache. */
  readonly through?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** Makes what the run finds; before it starts. */
  readonly prepare?: (bench: Bench) => Promise<void>;
  /** `empty`: a cache of its own, so that the medium's system is made. */
  readonly cache?: 'empty';
  /**
   * `finished`: in the output folder is a build of the same packages without scripts, from which this
   * one can start.
   */
  readonly from?: 'finished';
  /** How the build is taken up again when all is over. */
  readonly resume?: Resume;
  /** What is allowed to be left behind, after a kill: the next run removes it. */
  readonly mayLeave?: RegExp;
}

export interface Resume {
  /** Of pvmc; `build --resume --no-verify` unless told. */
  readonly arguments?: readonly string[];
  /** Lines of the manifest as it is by then; none unless told. */
  readonly manifest?: readonly string[];
  /** Words that prove that it goes on where it was, e.g. that a stage is not done again. */
  readonly says: RegExp;
  /** `export`: it goes on to the end, and its OVA is that of the build that was not disturbed. */
  readonly until: 'words' | 'export';
  /** In the table: `yes, from the checkpoint`. */
  readonly told: string;
}

export interface FaultGroup {
  /** `the link`. */
  readonly name: string;
  readonly runs: readonly FaultyRun[];
}
