/**
 * Reads an OVA that somebody gives us: its members, their digests, its descriptor, its disk. It may be
 * broken or hostile, so each part is checked before the next one relies on it, and each check can be
 * called by itself.
 */
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { counted } from '../system/counted.ts';
import { messageOf, systemCodeOf } from '../system/error.ts';
import type { Progress } from '../system/progress.ts';
import { broken, Fault, type Place, quoted, type Report, refuse } from './broken.ts';
import { compareDigests } from './ova/digests.ts';
import {
  findMembers,
  isDescriptor,
  isDigests,
  type OvaMember,
  type PackageFile,
  readWhole,
} from './ova/members.ts';
import {
  type DiskFacts,
  type MachineFacts,
  machineFacts,
  type ReferencedFile,
  referencedFiles,
} from './ovf/facts.ts';
import { placeOf } from './ovf/places.ts';
import { type Descriptor, parseDescriptor, validateDescriptor } from './ovf/schema.ts';
import { unpackVmdk } from './vmdk/unpack.ts';

export type { MachineFacts };

const LARGEST_DESCRIPTOR_BYTES = 4 * 2 ** 20;

/** The files of an OVA, or an OVF with what lies beside it. */
export interface PackageFiles {
  readonly members: readonly PackageFile[];
}

/** An OVA whose members are known and well-formed; nothing else is checked yet. */
export interface OpenOva extends AsyncDisposable {
  readonly path: string;
  readonly sizeBytes: number;
  readonly file: FileHandle;
  /** In the order of the file; the descriptor is the first. */
  readonly members: readonly OvaMember[];
}

/** What is done about faults, and what messages call the file. */
export interface Reading {
  readonly report: Report;
  readonly called: string;
}

/**
 * Opens an OVA and finds its members. The caller disposes of it.
 * @throws PvmcError of kind `input`: `file-missing`, `ova-unreadable`; and, unless they are only reported,
 * faults with the codes `ova-not-tar`, `ova-truncated`, `ova-damaged`, `ova-member-foreign`,
 * `ova-member-name`, `ova-member-order`
 */
export async function openOva(
  path: string,
  { report, called }: Reading = { report: refuse, called: path },
): Promise<OpenOva> {
  const file = await openForReading(path);
  try {
    const facts = await file.stat();
    const members = await findMembers({ file, sizeBytes: facts.size, called, report });
    checkOrder(members, { report, called });
    return {
      path,
      sizeBytes: facts.size,
      file,
      members,
      [Symbol.asyncDispose]: () => file.close(),
    };
  } catch (thrown) {
    await file.close();
    throw thrown;
  }
}

/**
 * Compares every member's digest with the manifest (`.mf`). Amounts are bytes of the members.
 * @throws PvmcError of kind `input`: `ova-digests-missing`, `ova-digests-invalid`, `ova-digest-wrong`
 */
export async function checkDigests(ova: PackageFiles, progress: Progress): Promise<void> {
  await compareDigests(ova.members, progress, refuse);
}

/**
 * Validates the descriptor against the DMTF's schema and the package, and reads what it says.
 * @throws PvmcError of kind `input`: `ovf-invalid`, `ovf-unusable`, `ova-file-missing`,
 * `ova-file-unreferenced`
 */
export async function checkDescriptor(ova: PackageFiles): Promise<MachineFacts> {
  using descriptor = await readDescriptor(ova.members);
  const facts = machineFacts(descriptor);
  checkReferences(descriptor, ova.members, refuse);
  // Last, as it takes the vendors' elements out.
  await validateDescriptor(descriptor);
  return facts;
}

/** For the caller to dispose of. @throws Fault with the code `ovf-invalid` */
export async function readDescriptor(files: readonly PackageFile[]): Promise<Descriptor> {
  const file = files.find(({ name }) => isDescriptor(name));
  if (!file || file.sizeBytes > LARGEST_DESCRIPTOR_BYTES) {
    throw new Fault(
      'descriptor-not-xml',
      { member: file?.name },
      {
        code: 'ovf-invalid',
        message: `the descriptor has ${counted(file?.sizeBytes ?? 0, 'byte')}, more than any machine needs`,
      },
    );
  }
  return parseDescriptor(file.name, await readWhole(file));
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
 * @throws PvmcError of kind `input`: `vmdk-invalid`, `vmdk-unfinished`, `ova-file-missing`; of kind
 * `host`: `disk-exists`, `output-full`, `output-not-writable`, `output-too-large`
 */
export async function extractDisk(ova: PackageFiles, request: DiskExtraction): Promise<void> {
  const { disk, path, progress } = request;
  const member = ova.members.find(({ name }) => name === disk.fileName);
  if (!member) throw fileMissing(disk.fileName, {});
  const { capacityBytes } = disk;
  await unpackVmdk({ ...member, capacityBytes }, { path, progress });
}

/** @throws PvmcError `file-missing`, `ova-unreadable`: it must be a regular file. */
export async function openForReading(path: string): Promise<FileHandle> {
  try {
    // Opening a named pipe would otherwise wait for somebody to write.
    const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    if ((await file.stat()).isFile()) return file;
    await file.close();
  } catch (thrown) {
    const isMissing = systemCodeOf(thrown) === 'ENOENT';
    throw broken({
      code: isMissing ? 'file-missing' : 'ova-unreadable',
      message: isMissing
        ? `there is no file ${path}`
        : `${path} cannot be read: ${messageOf(thrown)}`,
      cause: thrown,
    });
  }
  throw broken({ code: 'ova-unreadable', message: `${path} is not a regular file` });
}

/** The descriptor comes first, and its digests directly behind it or at the end (DSP0243, 5.3). */
function checkOrder(members: readonly OvaMember[], { report, called }: Reading): void {
  const descriptors = members.filter(({ name }) => name.endsWith('.ovf'));
  const tell = (fault: OrderFault, member: OvaMember | undefined, problem: string) =>
    report(
      new Fault(
        fault,
        { member: member?.name, offset: member?.headerOffset },
        {
          code: 'ova-member-order',
          message: `${called} ${problem}`,
          hint: 'An OVA holds the descriptor, the manifest and the disk, in this order.',
        },
      ),
    );
  const [first] = members;
  // Without any, that has been told.
  if (!first) return;
  if (descriptors.length === 0) tell('descriptor-missing', undefined, 'has no descriptor (.ovf)');
  else if (descriptors.length > 1) {
    tell('descriptors-several', descriptors[1], `has ${descriptors.length} descriptors (.ovf)`);
  } else if (descriptors[0] !== first) {
    const problem = `begins with ${quoted(first.name)} instead of its descriptor (.ovf)`;
    tell('descriptor-not-first', first, problem);
  }
  const misplaced = misplacedDigests(members);
  if (misplaced)
    tell('manifest-misplaced', misplaced, 'has its manifest (.mf) between other files');
}

type OrderFault =
  | 'descriptor-missing'
  | 'descriptors-several'
  | 'descriptor-not-first'
  | 'manifest-misplaced';

/** Manifest and certificate stand directly behind the descriptor, or at the end. */
function misplacedDigests(members: readonly OvaMember[]): OvaMember | undefined {
  const others = members.filter(({ name }) => !name.endsWith('.ovf'));
  const index = others.findIndex(({ name }) => name.endsWith('.mf'));
  const isBetween = index > 0 && others.slice(index).some(({ name }) => !isDigests(name));
  return isBetween ? others[index] : undefined;
}

/** Compares the files that a descriptor names with those that are there. */
export function checkReferences(
  descriptor: Descriptor,
  members: readonly PackageFile[],
  report: Report,
): readonly ReferencedFile[] {
  const files = referencedFiles(descriptor, report);
  for (const { name, sizeBytes, node } of files) {
    const member = members.find((one) => one.name === name);

    if (!member) {
      report(fileMissing(name, placeOf(descriptor, node)));
      continue;
    }
    if (sizeBytes === undefined || sizeBytes === member.sizeBytes) continue;
    const message = `the descriptor (.ovf) says that ${quoted(name)} has ${counted(sizeBytes, 'byte')}, but it has ${member.sizeBytes}`;
    const place = placeOf(descriptor, node);
    report(new Fault('file-size', place, { code: 'ovf-unusable', message }));
  }
  for (const { name, offset } of members) {
    const isKnown = name === descriptor.name || name.endsWith('.ovf') || isDigests(name);
    if (isKnown || files.some((file) => file.name === name)) continue;
    const message = `the package holds ${quoted(name)}, of which the descriptor says nothing`;
    report(
      new Fault(
        'file-unreferenced',
        { member: name, offset },
        {
          code: 'ova-file-unreferenced',
          message,
        },
      ),
    );
  }
  return files;
}

function fileMissing(name: string, place: Place): Fault {
  return new Fault('file-missing', place, {
    code: 'ova-file-missing',
    message: `the package lacks ${quoted(name)}, which its descriptor names`,
  });
}
