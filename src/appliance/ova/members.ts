/**
 * Finds an OVA's members, and reports what importers stumble over, or what a hostile archive would use: pax
 * headers, links, folders, names that lead elsewhere, sizes that do not fit.
 */
import type { FileHandle } from 'node:fs/promises';
import { broken, Fault, type Place, quoted, type Report } from '../broken.ts';
import type { FaultName } from '../fault-names.ts';
import { paxRecords } from './pax.ts';
import {
  BLOCK_BYTES,
  blocksOf,
  decodeMember,
  END_BYTES,
  isTooLarge,
  type MemberHeader,
  type TarHeader,
} from './ustar.ts';

/** One file of a package, in an archive or by itself. */
export interface PackageFile {
  readonly name: string;
  readonly sizeBytes: number;
  /** What it is read from, and where its first byte is there. */
  readonly file: FileHandle;
  readonly offset: number;
}

/** Some tools of Windows write the ending in capitals. */
export function isDescriptor(name: string): boolean {
  return /\.ovf$/i.test(name);
}

/** The manifest with the digests, or a certificate with a signature over them. */
export function isDigests(name: string): boolean {
  return /\.(mf|cert)$/.test(name);
}

export interface OvaMember extends PackageFile {
  readonly header: MemberHeader;
  /** Where its header is. */
  readonly headerOffset: number;
}

export interface Archive {
  readonly file: FileHandle;
  readonly sizeBytes: number;
  /** What messages call it. */
  readonly called: string;
  readonly report: Report;
}

/** An appliance has three, or a few more with several disks. */
export const MOST_MEMBERS = 64;
/** Archivers fill up to a multiple of 10 KiB, or of what they were told. */
const MOST_FILLING_BYTES = 2 ** 20;
/** What says something of the next member. */
const LARGEST_EXTENSION_BYTES = 2 ** 16;
const HINT =
  'An OVA is a strict ustar archive: `tar --format=ustar`, plain files, no folder names.';

/** What was said of the next member before its header. */
interface Announced {
  readonly name?: string | undefined;
  readonly sizeBytes?: number | undefined;
}

/**
 * Those members that could be found: all of them, if nothing was reported.
 * Reports faults with the codes `ova-not-tar`, `ova-truncated`, `ova-damaged`, `ova-member-foreign`,
 * `ova-member-name`.
 */
export async function findMembers(archive: Archive): Promise<readonly OvaMember[]> {
  const { file, sizeBytes, report } = archive;
  const members: OvaMember[] = [];
  let announced: Announced = {};
  for (let position = 0; ; ) {
    if (position + BLOCK_BYTES > sizeBytes) {
      report(endless(archive, members, position));
      return members;
    }
    const header = decodeMember(await readExactly(file, position, BLOCK_BYTES));
    if (header.type === 'damaged') {
      report(damagedHeader(archive, position));
      return members;
    }
    if (header.type === 'end') {
      if (members.length === 0) report(notTar(archive));
      else await checkEnd(archive, position);
      return members;
    }
    const offset = position + BLOCK_BYTES;
    if (header.type === 'file') {
      const member = { ...header, ...header.member, ...defined(announced), file, offset };
      announced = {};
      if (!takeMember({ ...member, headerOffset: position }, archive, members)) return members;
      position = offset + blocksOf(member.sizeBytes) * BLOCK_BYTES;
    } else {
      report(foreign(archive, header, position));
      announced = { ...announced, ...(await announcement(archive, header, offset)) };
      position = offset + blocksOf(header.dataBytes) * BLOCK_BYTES;
    }
  }
}

/** Bytes that are known to be within the file. */
export async function readExactly(
  file: FileHandle,
  position: number,
  lengthBytes: number,
): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(lengthBytes);
  for (let done = 0; done < lengthBytes; ) {
    const { bytesRead } = await file.read(bytes, done, lengthBytes - done, position + done);
    if (bytesRead === 0) {
      throw broken({ code: 'ova-truncated', message: 'the file became shorter while it was read' });
    }
    done += bytesRead;
  }
  return bytes;
}

/** All of a file of a package. */
export function readWhole({ file, offset, sizeBytes }: PackageFile): Promise<Buffer> {
  return readExactly(file, offset, sizeBytes);
}

const PIECE_BYTES = 2 ** 20;

/** The same, piece by piece. @throws the signal's reason */
export async function* piecesOf(
  { file, offset, sizeBytes }: PackageFile,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  for (let at = 0; at < sizeBytes; at += PIECE_BYTES) {
    signal.throwIfAborted();
    yield await readExactly(file, offset + at, Math.min(PIECE_BYTES, sizeBytes - at));
  }
}

/** Returns whether there may be another one behind it. */
function takeMember(member: OvaMember, archive: Archive, members: OvaMember[]): boolean {
  const { called, report, sizeBytes } = archive;
  const place = { member: member.name, offset: member.headerOffset };
  if (members.length >= MOST_MEMBERS) {
    const wrong = `follows ${MOST_MEMBERS} others`;
    report(memberFault(archive, member, { fault: 'members-too-many', wrong }));
    return false;
  }
  if (member.header.format !== 'ustar') {
    const what = `has a header that is not ustar (${quoted(member.name).slice(1, -1)}), which importers refuse`;
    const details = { code: 'ova-member-foreign', message: `${called} ${what}`, hint: HINT };
    report(new Fault('not-ustar', place, details));
  }
  if (isTooLarge(member.sizeBytes)) {
    const message = `${called} has a member of 8 GiB or more, which ustar has no number for: ${quoted(member.name)}`;
    report(
      new Fault('member-too-large', place, { code: 'ova-member-foreign', message, hint: HINT }),
    );
  }
  checkName(member, archive, members);
  const end = member.offset + member.sizeBytes;
  const isWhole = end <= sizeBytes;
  if (isWhole) members.push(member);
  else {
    report(
      cutOff(
        archive,
        place,
        `${quoted(member.name)} should go on to byte ${end}, but the file has ${sizeBytes}`,
      ),
    );
  }
  return isWhole;
}

function checkName(member: OvaMember, archive: Archive, before: readonly OvaMember[]): void {
  const { name } = member;
  const tell = (fault: NameFault, wrong: string) =>
    archive.report(memberFault(archive, member, { fault, wrong }));
  if (name === '') tell('member-name-strange', 'is empty');
  else if (/[\p{C}\ufffd]/u.test(name))
    tell('member-name-strange', 'has characters that are no text');
  else if (/[/\\]/.test(name)) tell('member-in-folder', 'leads into a folder');
  else if (name.startsWith('.')) tell('member-name-strange', 'begins with a dot');
  if (before.some((one) => one.name === name)) tell('member-twice', 'occurs twice');
}

type NameFault = 'member-name-strange' | 'member-in-folder' | 'member-twice' | 'members-too-many';

function memberFault(
  { called }: Archive,
  { name, headerOffset: offset }: OvaMember,
  { fault, wrong }: { readonly fault: NameFault; readonly wrong: string },
): Fault {
  return new Fault(
    fault,
    { member: name, offset },
    {
      code: 'ova-member-name',
      message: `${called} has a member whose name ${wrong}: ${quoted(name)}`,
      hint: HINT,
    },
  );
}

type Foreign = Extract<TarHeader, { type: 'pax' | 'gnu-name' | 'foreign' }>;

function foreign({ called }: Archive, header: Foreign, offset: number): Fault {
  return new Fault(
    foreignFault(header),
    { offset },
    {
      code: 'ova-member-foreign',
      message: `${called} has ${quoted(header.what).slice(1, -1)}, which importers refuse`,
      hint: HINT,
    },
  );
}

function foreignFault({ type, what }: Foreign): FaultName {
  if (type === 'pax') return 'pax-header';
  if (what.startsWith('a GNU')) return 'gnu-extension';
  return what.startsWith('a folder') ? 'folder-entry' : 'entry-not-a-file';
}

/** Name and size as pax and GNU tar say them when ustar cannot. */
async function announcement(archive: Archive, header: Foreign, offset: number): Promise<Announced> {
  const { type, dataBytes } = header;
  if (type === 'foreign' || dataBytes > LARGEST_EXTENSION_BYTES) return {};
  if (offset + dataBytes > archive.sizeBytes) return {};
  const bytes = await readExactly(archive.file, offset, dataBytes);
  if (type === 'gnu-name') return { name: bytes.toString('utf8').replace(/\0.*$/s, '') };
  const records = paxRecords(bytes);
  const size = records.get('size');
  return {
    name: records.get('path'),
    sizeBytes: size !== undefined && /^\d{1,15}$/.test(size) ? Number(size) : undefined,
  };
}

function defined({ name, sizeBytes }: Announced) {
  return {
    ...(name === undefined ? {} : { name }),
    ...(sizeBytes === undefined ? {} : { sizeBytes }),
  };
}

/** Behind the last member are two blocks of zeros, perhaps more of them, and nothing else. */
async function checkEnd(archive: Archive, position: number): Promise<void> {
  const { file, called, sizeBytes, report } = archive;
  const length = sizeBytes - position;
  if (length < END_BYTES) {
    report(endMissing(archive, position));
    return;
  }
  const isEmpty =
    length <= MOST_FILLING_BYTES &&
    (await readExactly(file, position, length)).every((byte) => byte === 0);
  if (isEmpty) return;
  const offset = position + END_BYTES;
  const message = `${called} goes on behind its end, at byte ${offset}`;
  report(new Fault('end-not-empty', { offset }, { code: 'ova-damaged', message }));
}

/** The file ends where a header should be: its members may be whole nevertheless. */
function endless(archive: Archive, members: readonly OvaMember[], position: number): Fault {
  const last = members.at(-1);
  const isBehindLast =
    last !== undefined && position === last.offset + blocksOf(last.sizeBytes) * BLOCK_BYTES;
  if (isBehindLast && position >= archive.sizeBytes) return endMissing(archive, position);
  return cutOff(archive, { offset: archive.sizeBytes }, 'its end is missing');
}

function endMissing(archive: Archive, offset: number): Fault {
  return new Fault('end-missing', { offset }, truncation(archive, 'its end is missing'));
}

function cutOff(archive: Archive, place: Place, where: string): Fault {
  return new Fault('tar-cut-off', place, truncation(archive, where));
}

function truncation({ called }: Archive, where: string) {
  return {
    code: 'ova-truncated',
    message: `${called} is cut off: ${where}`,
    hint: 'Copy or download it again.',
  };
}

function damagedHeader(archive: Archive, offset: number): Fault {
  if (offset === 0) return notTar(archive);
  return new Fault(
    'tar-damaged',
    { offset },
    {
      code: 'ova-damaged',
      message: `${archive.called} is damaged: no member begins at byte ${offset}, where one should`,
      hint: 'Copy or download it again.',
    },
  );
}

function notTar({ called }: Archive): Fault {
  return new Fault(
    'not-a-tar',
    { offset: 0 },
    {
      code: 'ova-not-tar',
      message: `${called} is no OVA: it is not a tar archive`,
      hint: 'Give the .ova file that the export wrote.',
    },
  );
}
