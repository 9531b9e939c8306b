/**
 * Reads an OVA that somebody gives us: its members, their digests, its descriptor, its disk. It may be
 * broken or hostile, so each part is checked before the next one relies on it, and each check can be
 * called by itself.
 */
import type { FileHandle } from 'node:fs/promises';
import { PvmcError } from '../system/error.ts';
import type { Progress } from '../system/progress.ts';

/** One file of the package. */
export interface OvaMember {
  readonly name: string;
  readonly sizeBytes: number;
  /** Where its first byte is in the OVA. */
  readonly offset: number;
}

/** An OVA whose members are known and well-formed; nothing else is checked yet. */
export interface OpenOva extends AsyncDisposable {
  readonly path: string;
  readonly sizeBytes: number;
  readonly file: FileHandle;
  /** In the order of the file; the descriptor is the first. */
  readonly members: readonly OvaMember[];
}

/** What the descriptor says of the machine. */
export interface MachineFacts {
  /** The virtual system's name. */
  readonly name: string;
  readonly product: string | undefined;
  readonly version: string | undefined;
  readonly memoryBytes: number;
  readonly cpus: number;
  readonly firmware: 'bios' | 'uefi';
  readonly hasNetwork: boolean;
  readonly disk: DiskFacts;
}

export interface DiskFacts {
  /** The member that holds it. */
  readonly fileName: string;
  /** What the machine sees. */
  readonly capacityBytes: number;
}

/**
 * Opens an OVA and finds its members. The caller disposes of it.
 * @throws PvmcError of kind `input`: `file-missing`, `ova-unreadable`, `ova-not-tar`, `ova-truncated`,
 * `ova-damaged`, `ova-member-foreign`, `ova-member-name`, `ova-member-order`
 */
export async function openOva(path: string): Promise<OpenOva> {
  throw unfinished(path);
}

/**
 * Compares every member's digest with the manifest (`.mf`). Amounts are bytes of the members.
 * @throws PvmcError of kind `input`: `ova-digests-missing`, `ova-digests-invalid`, `ova-digest-wrong`
 */
export async function checkDigests(ova: OpenOva, progress: Progress): Promise<void> {
  throw unfinished(`${ova.path} ${progress.signal.aborted}`);
}

/**
 * Validates the descriptor against the DMTF's schema and the package, and reads what it says.
 * @throws PvmcError of kind `input`: `ovf-invalid`, `ovf-incomplete`, `ova-disk-missing`
 */
export async function checkDescriptor(ova: OpenOva): Promise<MachineFacts> {
  throw unfinished(ova.path);
}

export interface DiskExtraction {
  /** From `checkDescriptor`. */
  readonly disk: DiskFacts;
  /** Of the raw, sparse file to be made. It must not exist; it is removed after a failure. */
  readonly path: string;
  readonly progress: Progress;
}

/**
 * Unpacks the disk, and checks every part of the VMDK on the way. Amounts are bytes of the VMDK.
 * @throws PvmcError of kind `input`: `vmdk-invalid`, `vmdk-unfinished`; `output-full` and its like
 */
export async function extractDisk(ova: OpenOva, request: DiskExtraction): Promise<void> {
  throw unfinished(`${ova.path} ${request.path}`);
}

function unfinished(what: string): PvmcError {
  return new PvmcError({ kind: 'internal', code: 'internal', message: `not written yet: ${what}` });
}
