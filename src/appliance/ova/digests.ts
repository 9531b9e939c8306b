/** Compares a package's files with its manifest (.mf): all that there is, and nothing besides. */
import { createHash } from 'node:crypto';
import { counted } from '../../system/counted.ts';
import type { Progress } from '../../system/progress.ts';
import { Fault, type Place, quoted, type Report } from '../broken.ts';
import { isDescriptor, isDigests, type PackageFile, piecesOf, readWhole } from './members.ts';
import { decodeDigests, type ListedDigest } from './mf.ts';

const LARGEST_MANIFEST_BYTES = 2 ** 20;
const HEX_DIGITS = { SHA1: 40, SHA256: 64, SHA512: 128 } as const;

/** What a manifest was found to be. */
export interface ReadManifest {
  /** The file's; undefined when there is none. */
  readonly name: string | undefined;
  /** None of one that cannot be read. */
  readonly digests: readonly ListedDigest[];
}

/** Its files' faults have the codes `ova-digests-missing`, `ova-digests-invalid`, `ova-digest-wrong`. */
export async function compareDigests(
  files: readonly PackageFile[],
  progress: Progress,
  report: Report,
): Promise<ReadManifest> {
  const manifest = findManifest(files, report);
  const listing = manifest && (await readListing(manifest, report));
  if (listing) await compareListed(files, listing, { progress, report });
  return { name: manifest?.name, digests: listing?.digests ?? [] };
}

async function compareListed(
  files: readonly PackageFile[],
  listing: Listing,
  { progress, report }: { readonly progress: Progress; readonly report: Report },
): Promise<void> {
  // The digests themselves and a signature over them have none.
  const digested = files.filter(({ name }) => !isDigests(name));
  const pairs = pair(digested, listing, report);
  const total = pairs.reduce((sum, { file }) => sum + file.sizeBytes, 0);
  let done = 0;
  for (const { file, listed } of pairs) {
    const hash = createHash(listed.algorithm);
    for await (const piece of piecesOf(file, progress.signal)) {
      hash.update(piece);
      done += piece.length;
      progress.amount({ done, total, unit: 'bytes' });
    }
    const found = hash.digest('hex');
    if (found === listed.digest) continue;
    const place = { member: file.name, offset: file.offset };
    report(
      new Fault('digest-wrong', place, {
        code: 'ova-digest-wrong',
        message: `${quoted(file.name)} is not the file that the manifest (.mf) describes`,
        details: [
          `${listed.algorithm} listed: ${listed.digest}`,
          `${listed.algorithm} found:  ${found}`,
        ],
        hint: 'The OVA is damaged or was changed. Copy or download it again.',
      }),
    );
  }
}

/** The one that goes with the descriptor. One of another name is reported, and taken if there is no other. */
export function findManifest(
  files: readonly PackageFile[],
  report: Report,
): PackageFile | undefined {
  const descriptor = files.find(({ name }) => isDescriptor(name))?.name ?? '';
  const name = descriptor.replace(/\.ovf$/i, '.mf');
  const manifest = files.find((one) => one.name === name);
  if (manifest) return manifest;
  const others = files.filter((one) => one.name.endsWith('.mf'));
  const other = others.length === 1 ? others[0] : undefined;
  report(
    new Fault(
      other ? 'manifest-name' : 'manifest-missing',
      { member: other?.name },
      {
        code: 'ova-digests-missing',
        message: `the package has no manifest ${quoted(name)}, so nothing says what its files should be`,
      },
    ),
  );
  return other;
}

interface Listing {
  readonly manifest: PackageFile;
  readonly digests: readonly ListedDigest[];
  /** Names in lines that are none; of these nothing more is said. */
  readonly garbled: ReadonlySet<string>;
}

/** Undefined when the manifest cannot be one. */
async function readListing(manifest: PackageFile, report: Report): Promise<Listing | undefined> {
  const member = manifest.name;
  if (manifest.sizeBytes > LARGEST_MANIFEST_BYTES) {
    report(
      invalid(
        'manifest-line',
        { member },
        `the manifest has ${counted(manifest.sizeBytes, 'byte')}`,
      ),
    );
    return undefined;
  }
  const { digests, strangeLines } = decodeDigests((await readWhole(manifest)).toString('utf8'));
  const garbled = new Set<string>();
  for (const { line, text } of strangeLines) {
    const what = `the manifest has a line that is no digest: ${quoted(text)}`;
    report(invalid('manifest-line', { member, line }, what));
    // An expression would look from each of a million parentheses to the end.
    garbled.add(text.slice(text.indexOf('(') + 1, Math.max(text.lastIndexOf(')'), 0)));
  }
  return { manifest, digests, garbled };
}

/** Each file with its digest, as far as there is one. */
function pair(files: readonly PackageFile[], listing: Listing, report: Report) {
  const member = listing.manifest.name;
  const left = new Map<string, ListedDigest>();
  const unusable = new Set(listing.garbled);
  for (const listed of listing.digests) {
    const { name, algorithm, digest, line } = listed;
    const tell = (fault: DigestFault, what: string) =>
      report(invalid(fault, { member, line }, what));
    if (left.has(name)) tell('digest-twice', `the manifest lists ${quoted(name)} twice`);
    if (algorithm === 'SHA1') {
      tell(
        'manifest-sha1',
        `the manifest has only a SHA1 digest of ${quoted(name)}, which vSphere refuses`,
      );
    }
    if (digest.length === HEX_DIGITS[algorithm]) left.set(name, listed);
    else {
      const what = `the ${algorithm} digest of ${quoted(name)} has ${counted(digest.length, 'digit')}`;
      tell('digest-malformed', what);
      unusable.add(name);
    }
  }
  const pairs = files.flatMap((file) => {
    const listed = left.get(file.name);
    left.delete(file.name);
    if (listed) return [{ file, listed }];
    if (!unusable.has(file.name))
      report(invalid('digest-missing', { member }, `the manifest lacks ${quoted(file.name)}`));
    return [];
  });
  for (const { name, line } of left.values()) {
    const what = `the manifest lists ${quoted(name)}, which the package lacks`;
    report(invalid('digest-of-nothing', { member, line }, what));
  }
  return pairs;
}

type DigestFault =
  | 'manifest-line'
  | 'manifest-sha1'
  | 'digest-malformed'
  | 'digest-twice'
  | 'digest-missing'
  | 'digest-of-nothing';

function invalid(fault: DigestFault, place: Place, message: string): Fault {
  return new Fault(fault, place, { code: 'ova-digests-invalid', message });
}
