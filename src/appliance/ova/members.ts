/**
 * Finds an OVA's members and refuses what importers stumble over, or what a hostile archive would use: pax
 * headers, links, folders, names that lead elsewhere, sizes that do not fit.
 */
import type { FileHandle } from 'node:fs/promises';
import { broken, quoted } from '../broken.ts';
import { BLOCK_BYTES, blocksOf, decodeMember, END_BYTES } from './ustar.ts';

/** One file of the package. */
export interface OvaMember {
  readonly name: string;
  readonly sizeBytes: number;
  /** Where its first byte is in the OVA. */
  readonly offset: number;
}

/** An appliance has three, or a few more with several disks. */
const MOST_MEMBERS = 64;
/** Archivers fill up to a multiple of 10 KiB, or of what they were told. */
const MOST_FILLING_BYTES = 2 ** 20;
const HINT =
  'An OVA is a strict ustar archive: `tar --format=ustar`, plain files, no folder names.';

/** @throws PvmcError `ova-not-tar`, `ova-truncated`, `ova-damaged`, `ova-member-foreign`, `ova-member-name` */
export async function findMembers(
  file: FileHandle,
  path: string,
  sizeBytes: number,
): Promise<readonly OvaMember[]> {
  const members: OvaMember[] = [];
  let position = 0;
  for (;;) {
    if (position + BLOCK_BYTES > sizeBytes) throw truncated(path, members, sizeBytes);
    const header = decodeMember(await readExactly(file, position, BLOCK_BYTES));
    if (header.type === 'damaged') throw damagedHeader(path, position);
    if (header.type === 'foreign') {
      throw broken({
        code: 'ova-member-foreign',
        message: `${path} has ${quoted(header.what).slice(1, -1)}, which importers refuse`,
        hint: HINT,
      });
    }
    if (header.type === 'end') break;
    const member = { ...header.member, offset: position + BLOCK_BYTES };
    checkName(path, member.name, members);
    members.push(member);
    position = member.offset + blocksOf(member.sizeBytes) * BLOCK_BYTES;
    if (position > sizeBytes) throw truncated(path, members, sizeBytes);
  }
  if (members.length === 0) throw notTar(path);
  await checkEnd({ file, path, position, sizeBytes });
  return members;
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

function checkName(path: string, name: string, before: readonly OvaMember[]): void {
  const wrong = nameProblem(name, before);
  if (wrong === undefined) return;
  throw broken({
    code: 'ova-member-name',
    message: `${path} has a member whose name ${wrong}: ${quoted(name)}`,
    hint: HINT,
  });
}

function nameProblem(name: string, before: readonly OvaMember[]): string | undefined {
  if (name === '') return 'is empty';
  if (/[/\\]/.test(name)) return 'leads into a folder';
  if (name.startsWith('.')) return 'begins with a dot';
  if (/[\p{C}\ufffd]/u.test(name)) return 'has characters that are no text';
  if (before.some((member) => member.name === name)) return 'occurs twice';
  if (before.length >= MOST_MEMBERS) return `follows ${MOST_MEMBERS} others`;
  return undefined;
}

/** Behind the last member are two blocks of zeros, perhaps more of them, and nothing else. */
async function checkEnd(place: {
  readonly file: FileHandle;
  readonly path: string;
  readonly position: number;
  readonly sizeBytes: number;
}): Promise<void> {
  const { file, path, position, sizeBytes } = place;
  const length = sizeBytes - position;
  if (length < END_BYTES) throw truncated(path, [], sizeBytes);
  const isEmpty =
    length <= MOST_FILLING_BYTES &&
    (await readExactly(file, position, length)).every((byte) => byte === 0);
  if (isEmpty) return;
  throw broken({
    code: 'ova-damaged',
    message: `${path} goes on behind its end, at byte ${position + END_BYTES}`,
  });
}

function truncated(path: string, members: readonly OvaMember[], sizeBytes: number) {
  const last = members.at(-1);
  const where =
    last === undefined || last.offset + last.sizeBytes <= sizeBytes
      ? 'its end is missing'
      : `${quoted(last.name)} should go on to byte ${last.offset + last.sizeBytes}, but the file has ${sizeBytes}`;
  return broken({
    code: 'ova-truncated',
    message: `${path} is cut off: ${where}`,
    hint: 'Copy or download it again.',
  });
}

function damagedHeader(path: string, position: number) {
  if (position === 0) return notTar(path);
  return broken({
    code: 'ova-damaged',
    message: `${path} is damaged: no member begins at byte ${position}, where one should`,
    hint: 'Copy or download it again.',
  });
}

function notTar(path: string) {
  return broken({
    code: 'ova-not-tar',
    message: `${path} is no OVA: it is not a tar archive`,
    hint: 'Give the .ova file that the export wrote.',
  });
}
