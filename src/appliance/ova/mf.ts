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
  /** From 1. */
  readonly line: number;
  /** Written exactly so, its line end among it: every importer reads it. */
  readonly isExact: boolean;
}

export interface StrangeLine {
  readonly line: number;
  readonly text: string;
}

/** What other tools write is read too. A line that is no digest is given back as it is. */
export function decodeDigests(text: string): {
  readonly digests: readonly ListedDigest[];
  readonly strangeLines: readonly StrangeLine[];
} {
  const digests: ListedDigest[] = [];
  const strangeLines: StrangeLine[] = [];
  for (const [index, whole] of (text.match(/[^\n]*\n|[^\n]+$/g) ?? []).entries()) {
    const line = index + 1;
    const match = /^SHA(1|256|512)\s?\((.+)\)\s?=\s*([0-9A-Fa-f]+)\s*$/.exec(whole);
    const algorithm = ALGORITHMS.find((one) => one === `SHA${match?.[1]}`);
    if (match && algorithm) {
      const [, , name = '', hex = ''] = match;
      const isExact = whole === `${algorithm}(${name})= ${hex.toLowerCase()}\n`;
      digests.push({ algorithm, name, digest: hex.toLowerCase(), line, isExact });
    } else if (whole.trim() !== '') {
      strangeLines.push({ line, text: whole.trimEnd() });
    }
  }
  return { digests, strangeLines };
}

const ALGORITHMS = ['SHA1', 'SHA256', 'SHA512'] as const;
