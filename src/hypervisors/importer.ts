/**
 * The other half of a hypervisor: for those who receive an appliance. What is made here is theirs: it
 * stays when pvmc ends, and pvmc keeps no account of it.
 */
import type { Progress } from '../system/progress.ts';
import type { Firmware } from './hypervisor.ts';

export interface ImportSpecification {
  /** Free, as `place` has told. A file name, without characters that a shell or an option would read. */
  readonly name: string;
  /** The machine's own folder, from `place`. */
  readonly folder: string;
  /** The appliance, whose digests and descriptor are right. */
  readonly ovaPath: string;
  readonly memoryBytes: number;
  readonly cpus: number;
  readonly firmware: Firmware;
  readonly network: 'nat' | 'none';
  /** Guest TCP port → host port on loopback. */
  readonly forwardPorts: Readonly<Record<number, number>>;
  /** Writes the appliance's disk as a raw file that is not there yet, for who cannot read it himself. */
  readonly unpackDisk: (path: string) => Promise<void>;
  /** A disc for its drive, which tells it what it is; nobody else may read it. */
  readonly disc?: Buffer | undefined;
}

/** The disc's file in the machine's folder. */
export const DISC = 'properties.iso';

/** What a machine's commands are made of. */
export type Known = Pick<ImportSpecification, 'name' | 'folder' | 'disc'>;

/** Where a machine of that name would be made. */
export interface Place {
  readonly folder: string;
  /** What has the name or the folder already, as a sentence; undefined when both are free. */
  readonly takenBy: string | undefined;
}

/** The machine's own folder, made for it: nobody else gets it, or its name. There is only a hidden mark in it. */
export interface ClaimedPlace {
  /** Takes the mark away: the folder is the machine's now. */
  open(): Promise<void>;
  /** Gives it up: removes it as far as it is empty, and the folders above that were made for it. */
  release(): Promise<void>;
}

/** How the machine's user goes on: command lines to paste into a shell. */
export interface MachineCommands {
  /** In the background. */
  readonly start: string;
  /** In front of the user: in this terminal, or in a window. */
  readonly open: string;
  /** To see one that runs in the background. */
  readonly look: string;
  /** Presses the power button. */
  readonly powerOff: string;
  /** Removes it with its disk, once it is off. */
  readonly remove: string;
}

export interface Importer {
  /** `parentFolder`: where the machine's own folder is wanted; the hypervisor's usual place unless told. */
  place(name: string, parentFolder: string | undefined): Promise<Place>;
  /** What can be found out without making anything. @throws PvmcError why it would fail */
  rehearse(specification: ImportSpecification, progress: Progress): Promise<void>;
  /** Makes the machine, switched off, in a place that was claimed for it, or nothing. */
  import(
    specification: ImportSpecification,
    place: Pick<ClaimedPlace, 'open'>,
    progress: Progress,
  ): Promise<void>;
  /** Switches it on; it goes on when pvmc ends. */
  start(specification: ImportSpecification, progress: Progress): Promise<void>;
  commands(specification: Known): MachineCommands;
}
