/** What a step of stage 5 is, and what every step is given. */
import type { DiskInputs, InstallInputs } from '../manifest/installation-manifest.ts';
import type { Progress } from '../system/progress.ts';
import type { Releases } from '../system/releases.ts';
import type { RunResult } from '../system/run.ts';
import type { ConstructionRecord } from './record.ts';

export interface Step<Given extends InstallContext = Context> {
  /** Stable, lower-case with dashes: how a person names it on a command line. */
  readonly name: string;
  readonly title: string;
  /** The substance of what it will do, one line each: for `pvmc plan`. */
  readonly plan: (manifest: Given['manifest']) => readonly string[];
  readonly run: (context: Given) => Promise<void>;
}

/** How programs of the medium are started: logged, ended with the construction. */
export interface Programs {
  run(argv: readonly string[], options?: ProgramOptions): Promise<RunResult>;
}

/**
 * What the steps up to `install` are given. Of the installation manifest they see what makes the key of
 * install and no more, since what they have made serves whoever has the same key.
 */
export interface InstallContext extends Programs {
  readonly manifest: InstallInputs;
  readonly progress: Progress;
  readonly workspace: Workspace;
  /** What is kept of the construction for whoever looks later. */
  readonly record: ConstructionRecord;
  /** Runs two programs of the medium, the first one's output being the second one's input. */
  pipe(producer: readonly string[], consumer: readonly string[]): Promise<RunResult>;
  /** Runs a program of the appliance inside the root being built, logged. */
  runInRoot(argv: readonly string[], options?: ProgramOptions): Promise<RunResult>;
}

export interface Context extends InstallContext {
  readonly manifest: DiskInputs;
  /** Folder of the installation manifest; payload paths are relative to it. */
  readonly payloadFolder: string;
}

export interface ProgramOptions {
  readonly input?: string | Uint8Array | undefined;
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** Sees each line of output, besides the log. */
  readonly onLine?: ((line: string) => void) | undefined;
  /** `quiet` keeps the output out of the log. */
  readonly output?: 'logged' | 'quiet' | undefined;
  readonly accept?: readonly number[] | undefined;
}

/** The places where the construction happens; each step fills in what it makes. */
export interface Workspace {
  /** The whole disk, e.g. `/dev/vda`. Set by `find-disk`. */
  disk: string;
  /** What `find-disk` has found on it: nothing, or all that the steps up to `install` make. */
  found: 'nothing' | 'checkpoint';
  /** Set by `partition`. */
  partitions: Partitions;
  /** Mount point of the scratch file system. Set by `scratch`. */
  scratch: string;
  /** The appliance's root folder, inside the scratch file system. */
  root: string;
  /** Where the package files lie. */
  packages: string;
  /** A person has steps done again over what they have left: what is there already is no surprise. */
  repeated: boolean;
  /** What is mounted inside the root: kernel file systems, the payload. */
  readonly holdsRoot: Releases;
  /** The scratch file system itself and its loop device. */
  readonly holdsScratch: Releases;
}

export interface Partitions {
  readonly biosBoot: string;
  readonly esp: string;
  readonly root: string;
  /** Start of the BIOS boot partition on the disk, in 512-byte sectors. */
  readonly biosBootFirstSector: number;
  readonly biosBootSectors: number;
  readonly rootFirstSector: number;
  readonly rootBytes: number;
}
