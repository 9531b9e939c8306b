/**
 * Reads an OVA that somebody gives us: its members, their digests, its descriptor, its disk. It may be
 * broken or hostile, so each part is checked before the next one relies on it, and each check can be
 * called by itself.
 */
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { messageOf, systemCodeOf } from '../system/error.ts';
import type { Progress } from '../system/progress.ts';
import { broken, quoted } from './broken.ts';
import { compareDigests } from './ova/digests.ts';
import { findMembers, type OvaMember, readExactly } from './ova/members.ts';
import { type DiskFacts, type MachineFacts, machineFacts, referencedFiles } from './ovf/facts.ts';
import { parseDescriptor, validateDescriptor } from './ovf/schema.ts';
import { unpackVmdk } from './vmdk/unpack.ts';

export type { MachineFacts };

const LARGEST_DESCRIPTOR_BYTES = 4 * 2 ** 20;
const NOT_REFERENCED = /\.(ovf|mf|cert)$/;

/** An OVA whose members are known and well-formed; nothing else is checked yet. */
export interface OpenOva extends AsyncDisposable {
  readonly path: string;
  readonly sizeBytes: number;
  readonly file: FileHandle;
  /** In the order of the file; the descriptor is the first. */
  readonly members: readonly OvaMember[];
}

/**
 * Opens an OVA and finds its members. The caller disposes of it.
 * @throws PvmcError of kind `input`: `file-missing`, `ova-unreadable`, `ova-not-tar`, `ova-truncated`,
 * `ova-damaged`, `ova-member-foreign`, `ova-member-name`, `ova-member-order`
 */
export async function openOva(path: string): Promise<OpenOva> {
  const file = await openForReading(path);
  try {
    const facts = await file.stat();
    if (!facts.isFile()) {
      throw broken({ code: 'ova-unreadable', message: `${path} is not a regular file` });
    }
    const members = await findMembers(file, path, facts.size);
    checkOrder(path, members);
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
export async function checkDigests(ova: OpenOva, progress: Progress): Promise<void> {
  await compareDigests(ova, progress);
}

/**
 * Validates the descriptor against the DMTF's schema and the package, and reads what it says.
 * @throws PvmcError of kind `input`: `ovf-invalid`, `ovf-unusable`, `ova-file-missing`,
 * `ova-file-unreferenced`
 */
export async function checkDescriptor(ova: OpenOva): Promise<MachineFacts> {
  const [member] = ova.members;
  if (!member || member.sizeBytes > LARGEST_DESCRIPTOR_BYTES) {
    throw broken({
      code: 'ovf-invalid',
      message: `the descriptor has ${member?.sizeBytes ?? 0} bytes, more than any machine needs`,
    });
  }
  const text = await readExactly(ova.file, member.offset, member.sizeBytes);
  using document = await parseDescriptor(text);
  const facts = machineFacts(document);
  checkReferences(ova, referencedFiles(document));
  // Last, as it takes the vendors' elements out.
  await validateDescriptor(document);
  return facts;
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
export async function extractDisk(ova: OpenOva, request: DiskExtraction): Promise<void> {
  const { disk, path, progress } = request;
  const member = ova.members.find(({ name }) => name === disk.fileName);
  if (!member) throw fileMissing(disk.fileName);
  const { capacityBytes } = disk;
  await unpackVmdk({ file: ova.file, ...member, capacityBytes }, { path, progress });
}

async function openForReading(path: string): Promise<FileHandle> {
  try {
    // Opening a named pipe would otherwise wait for somebody to write.
    return await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
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
}

/** The descriptor comes first, and its digests directly behind it or at the end (DSP0243, 5.3). */
function checkOrder(path: string, members: readonly OvaMember[]): void {
  const descriptors = members.filter(({ name }) => name.endsWith('.ovf'));
  const digests = members.findIndex(({ name }) => name.endsWith('.mf'));
  const problem =
    descriptors.length === 0
      ? 'has no descriptor (.ovf)'
      : descriptors.length > 1
        ? `has ${descriptors.length} descriptors (.ovf)`
        : descriptors[0] !== members[0]
          ? `begins with ${quoted(members[0]?.name ?? '')} instead of its descriptor (.ovf)`
          : digests > 1 && members.slice(digests).some(({ name }) => !NOT_REFERENCED.test(name))
            ? 'has its manifest (.mf) between other files'
            : undefined;
  if (problem === undefined) return;
  throw broken({
    code: 'ova-member-order',
    message: `${path} ${problem}`,
    hint: 'An OVA holds the descriptor, the manifest and the disk, in this order.',
  });
}

function checkReferences(ova: OpenOva, files: ReturnType<typeof referencedFiles>): void {
  for (const { name, sizeBytes } of files) {
    const member = ova.members.find((one) => one.name === name);
    if (!member) throw fileMissing(name);
    if (sizeBytes === undefined || sizeBytes === member.sizeBytes) continue;
    throw broken({
      code: 'ovf-unusable',
      message: `the descriptor (.ovf) says that ${quoted(name)} has ${sizeBytes} bytes, but it has ${member.sizeBytes}`,
    });
  }
  const stray = ova.members.find(
    ({ name }) => !NOT_REFERENCED.test(name) && !files.some((file) => file.name === name),
  );
  if (!stray) return;
  throw broken({
    code: 'ova-file-unreferenced',
    message: `the OVA holds ${quoted(stray.name)}, of which the descriptor says nothing`,
  });
}

function fileMissing(name: string) {
  return broken({
    code: 'ova-file-missing',
    message: `the OVA lacks ${quoted(name)}, which its descriptor names`,
  });
}
