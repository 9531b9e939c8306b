/**
 * Stages 2 and 3, as every hypervisor must offer them: make a machine, attach, start, watch, stop,
 * detach, discard. Callers ask for capabilities, never for a hypervisor's name.
 */
import type { Progress } from '../system/progress.ts';
import type { Importer } from './importer.ts';

export type Firmware = 'bios' | 'uefi';

/** A machine, as the manifest wants it or as verify needs it. */
export interface MachineSpecification {
  /** Unique among the machines of this user; carries the build's identity. */
  readonly name: string;
  readonly memoryBytes: number;
  readonly cpus: number;
  readonly firmware: Firmware;
  readonly network: 'nat' | 'none';
  /**
   * The machine's disk. `create` makes a new empty one; `existing` takes one that is ours; `throw-away`
   * takes a raw one that stays as it is: what the guest writes goes with the machine.
   */
  readonly disk:
    | { readonly type: 'create'; readonly path: string; readonly sizeBytes: number }
    | { readonly type: 'existing'; readonly path: string; readonly format: 'raw' | 'qcow2' }
    | { readonly type: 'throw-away'; readonly path: string };
  /** The disk's controller and the NIC: the fastest, or what an importer will choose. */
  readonly devices: 'fast' | 'appliance';
  /** The boot medium, an ISO image. */
  readonly mediumPath?: string | undefined;
  /** First serial line: where the console's output is written. */
  readonly consoleLogPath: string;
  /** `open`: the host reads and writes the console besides, as `RunningMachine.console`. */
  readonly console?: 'logged' | 'open' | undefined;
  /** `vnc`: `RunningMachine.openScreen` lets a viewer see it. This and an open console: QEMU alone, so far. */
  readonly screen?: 'hidden' | 'vnc' | undefined;
  /** Folder for sockets and the hypervisor's own log. */
  readonly runtimeFolder: string;
  /** systemd system credentials (name → value), for hypervisors with the `credentials` capability. */
  readonly credentials?: Readonly<Record<string, string>> | undefined;
  /** Guest TCP port → host port on loopback. */
  readonly forwardPorts?: Readonly<Record<number, number>> | undefined;
}

/** How fast guest code runs. */
export interface Acceleration {
  /** On the processor itself; without it in software, some fifteen times slower. */
  readonly available: boolean;
  /** One instruction after the other, some hundred times slower. Only where it is not available. */
  readonly interpreted?: boolean;
  readonly why: string;
}

/** What limits and words depend on. */
export type Speed = Pick<Acceleration, 'available' | 'interpreted'>;

export interface Capabilities {
  readonly acceleration: Acceleration;
  /** The guest can be given systemd credentials without touching its disk. */
  readonly credentials: boolean;
  /** The disk of a running machine can be copied, see `checkpoint`. */
  readonly checkpoints: boolean;
}

export type MachineEvent =
  /** The guest powered itself off, or we have ended it. */
  | { readonly type: 'stopped'; readonly by: 'guest' | 'host' }
  /** Somebody or something else on this computer ended it. `reason` is a clause. */
  | { readonly type: 'killed'; readonly reason: string; readonly outOfMemory: boolean }
  /** The guest reset itself. */
  | { readonly type: 'reset' }
  /** The guest's kernel panicked, and the hypervisor heard of it. */
  | { readonly type: 'panicked' }
  /** The hypervisor failed. */
  | { readonly type: 'crashed'; readonly reason: string }
  /** The hypervisor is there and does not go on: it was stopped, or no longer answers. */
  | { readonly type: 'stalled'; readonly reason: string }
  /** An I/O error on the disk (a full host disk, for instance) halted the guest. */
  | { readonly type: 'disk-error'; readonly reason: string };

export interface Machine {
  readonly name: string;
  /**
   * Powers the machine on. From then on `link` yields the bytes of the second serial line, and
   * `events` what happens to the machine; both end when the machine has stopped.
   */
  start(progress: Progress): Promise<RunningMachine>;
  /** Takes the boot medium out, so that the next start boots from the disk. */
  detachMedium(): Promise<void>;
  /** Removes the machine and everything made for it but the disk, which is its caller's. */
  discard(): Promise<void>;
}

/** The host's end of a serial line. */
export interface SerialLine extends AsyncIterable<Uint8Array> {
  /** Never waits and never fails: nobody promises that the guest listens, or that there is a way to it. */
  write(bytes: Uint8Array | string): void;
}

/** Where a viewer on this computer finds the machine's screen. */
export interface OpenScreen {
  /** Host and port. */
  readonly address: string;
  readonly password: string;
}

export interface RunningMachine {
  /** The first serial line, when it was asked for. To be read, as the link is. */
  readonly console?: SerialLine | undefined;
  /** To be read: a guest whose words nobody takes is held up after some hundred KiB. */
  readonly link: SerialLine;
  readonly events: AsyncIterable<MachineEvent>;
  /** Writes a PNG of the guest's screen; of its last one when the machine has stopped. */
  screenshot(path: string): Promise<void>;
  /**
   * Pauses the machine, copies its disk's file to `path` (in place of what is there, once the copy is
   * whole), and lets it go on, also when the copy failed. The guest has to have brought the disk to
   * rest. Needs the `checkpoints` capability.
   * @throws PvmcError `no-space`, `copy-failed`, the hypervisor's own; the signal's reason.
   */
  checkpoint(path: string, progress: Progress): Promise<void>;
  /** Lets VNC viewers of this computer in who know the password. Of a machine whose `screen` is `vnc`. */
  openScreen?(): Promise<OpenScreen>;
  /** How many of its processors are at work in this second; undefined where that cannot be known. */
  busyProcessors(): Promise<number | undefined>;
  /** Presses the power button. */
  requestPowerOff(): Promise<void>;
  /** Ends the machine at once; returns when it is gone. Safe to call twice. */
  stop(): Promise<void>;
  /** Resolves when the machine is no longer running, with how it ended. */
  readonly stopped: Promise<MachineEvent>;
}

export interface Hypervisor {
  readonly name: string;
  /** The program and its version, e.g. `QEMU 10.0.2`. Throws when it is missing or too old. */
  version(): Promise<string>;
  capabilities(): Promise<Capabilities>;
  /** Makes the machine and its disk; touches nothing that exists already. */
  create(specification: MachineSpecification, progress: Progress): Promise<Machine>;
  /** For appliances that become machines of the user's own. @throws as `version` */
  importer(): Promise<Importer>;
}
