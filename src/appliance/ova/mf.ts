/**
 * The OVF manifest (.mf): the digest of every file of the package. The lines are exactly
 * `SHA256(name)= hex`: a blank before the parenthesis, or `SHA2-256`, has broken imports.
 */

export interface FileDigest {
  readonly name: string;
  /** Hexadecimal, lower case. */
  readonly sha256: string;
}

export function encodeDigests(digests: readonly FileDigest[]): string {
  return digests.map(({ name, sha256 }) => `SHA256(${name})= ${sha256}\n`).join('');
}

export interface ListedDigest {
  readonly algorithm: 'SHA1' | 'SHA256' | 'SHA512';
  readonly name: string;
  readonly digest: string;
}

/** What other tools write is read too. A line that is no digest is given back as it is. */
export function decodeDigests(text: string): {
  readonly digests: readonly ListedDigest[];
  readonly strangeLines: readonly string[];
} {
  const digests: ListedDigest[] = [];
  const strangeLines: string[] = [];
  for (const line of text.split(/\r?\n/)) {
    const match = /^SHA(1|256|512)\s?\((.+)\)\s?=\s*([0-9A-Fa-f]+)\s*$/.exec(line);
    const algorithm = ALGORITHMS.find((one) => one === `SHA${match?.[1]}`);
    if (match && algorithm) {
      digests.push({ algorithm, name: match[2] ?? '', digest: (match[3] ?? '').toLowerCase() });
    } else if (line.trim() !== '') {
      strangeLines.push(line);
    }
  }
  return { digests, strangeLines };
}

const ALGORITHMS = ['SHA1', 'SHA256', 'SHA512'] as const;
