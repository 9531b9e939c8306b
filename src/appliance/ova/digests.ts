/** Compares an OVA's members with its manifest (.mf): all that it holds, and nothing besides. */
import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import type { Progress } from '../../system/progress.ts';
import { broken, quoted } from '../broken.ts';
import { type OvaMember, readExactly } from './members.ts';
import { decodeDigests, type ListedDigest } from './mf.ts';

const LARGEST_MANIFEST_BYTES = 2 ** 20;
const PIECE_BYTES = 2 ** 20;
const HEX_DIGITS = { SHA1: 40, SHA256: 64, SHA512: 128 } as const;

/** Members that no digest is made of: the digests themselves and a signature over them. */
const WITHOUT_DIGEST = /\.(mf|cert)$/;

interface Package {
  readonly file: FileHandle;
  readonly members: readonly OvaMember[];
}

/** @throws PvmcError `ova-digests-missing`, `ova-digests-invalid`, `ova-digest-wrong` */
export async function compareDigests(ova: Package, progress: Progress): Promise<void> {
  const digests = await listedDigests(ova);
  const members = ova.members.filter(({ name }) => !WITHOUT_DIGEST.test(name));
  const pairs = pair(members, digests);
  const total = members.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  let done = 0;
  for (const { member, listed } of pairs) {
    const hash = createHash(listed.algorithm);
    for (let at = 0; at < member.sizeBytes; at += PIECE_BYTES) {
      progress.signal.throwIfAborted();
      const length = Math.min(PIECE_BYTES, member.sizeBytes - at);
      hash.update(await readExactly(ova.file, member.offset + at, length));
      done += length;
      progress.amount({ done, total, unit: 'bytes' });
    }
    const found = hash.digest('hex');
    if (found === listed.digest) continue;
    throw broken({
      code: 'ova-digest-wrong',
      message: `${quoted(member.name)} is not the file that the manifest (.mf) describes`,
      details: [
        `${listed.algorithm} listed: ${listed.digest}`,
        `${listed.algorithm} found:  ${found}`,
      ],
      hint: 'The OVA is damaged or was changed. Copy or download it again.',
    });
  }
}

async function listedDigests({ file, members }: Package): Promise<readonly ListedDigest[]> {
  const descriptor = members[0]?.name ?? '';
  const name = descriptor.replace(/\.ovf$/, '.mf');
  const member = members.find((one) => one.name === name);
  if (!member) {
    throw broken({
      code: 'ova-digests-missing',
      message: `the OVA has no manifest ${quoted(name)}, so nothing says what its files should be`,
    });
  }
  if (member.sizeBytes > LARGEST_MANIFEST_BYTES) {
    throw invalid(`the manifest has ${member.sizeBytes} bytes`);
  }
  const text = await readExactly(file, member.offset, member.sizeBytes);
  const { digests, strangeLines } = decodeDigests(text.toString('utf8'));
  const [strange] = strangeLines;
  if (strange !== undefined)
    throw invalid(`the manifest has a line that is no digest: ${quoted(strange)}`);
  return digests;
}

function pair(members: readonly OvaMember[], digests: readonly ListedDigest[]) {
  const left = new Map<string, ListedDigest>();
  for (const listed of digests) {
    const { name, algorithm, digest } = listed;
    if (left.has(name)) throw invalid(`the manifest lists ${quoted(name)} twice`);
    if (algorithm === 'SHA1') {
      throw invalid(
        `the manifest has only a SHA1 digest of ${quoted(name)}, which vSphere refuses`,
      );
    }
    if (digest.length !== HEX_DIGITS[algorithm]) {
      throw invalid(`the ${algorithm} digest of ${quoted(name)} has ${digest.length} digits`);
    }
    left.set(name, listed);
  }
  const pairs = members.map((member) => {
    const listed = left.get(member.name);
    if (!listed) throw invalid(`the manifest lacks ${quoted(member.name)}`);
    left.delete(member.name);
    return { member, listed };
  });
  const [extra] = left.keys();
  if (extra !== undefined)
    throw invalid(`the manifest lists ${quoted(extra)}, which the OVA lacks`);
  return pairs;
}

function invalid(message: string) {
  return broken({ code: 'ova-digests-invalid', message });
}
