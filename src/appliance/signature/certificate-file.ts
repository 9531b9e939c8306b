/**
 * The text of a `.cert` (DSP0243): one line with the signature over the bytes of the manifest (`.mf`), in
 * hexadecimal, then the signer's certificate, and behind it those that lead to a root.
 */
import { type Certificate, certificatesIn, pemOf } from './certificate.ts';

export interface SignatureFile {
  readonly algorithm: SignatureAlgorithm;
  /** The name of the manifest that is signed. */
  readonly manifest: string;
  readonly signature: Buffer;
  /** The signer's first; at least one. */
  readonly certificates: readonly [Certificate, ...Certificate[]];
}

const ALGORITHMS = ['SHA1', 'SHA256', 'SHA384', 'SHA512'] as const;
export type SignatureAlgorithm = (typeof ALGORITHMS)[number];

/** The name that a signature over this manifest has. */
export function signatureName(manifest: string): string {
  return manifest.replace(/\.mf$/, '.cert');
}

export function encodeSignature({ manifest, signature, certificates }: NewSignature): Buffer {
  const line = `SHA256(${manifest})= ${signature.toString('hex')}\n`;
  return Buffer.from(line + certificates.map(pemOf).join(''));
}

export type NewSignature = Omit<SignatureFile, 'algorithm'>;

/** @throws Error with what is wrong, in words that go on after `the signature` */
export function decodeSignature(text: string): SignatureFile {
  const line = /^SHA(\d+)[ \t]?\(([^\n]+)\)[ \t]?=[ \t]*([0-9A-Fa-f]+)[ \t\r]*$/m.exec(text);
  if (!line) throw new Error('has no line `SHA256(FILE)= SIGNATURE`');
  const [, digits, manifest = '', hex = ''] = line;
  const algorithm = ALGORITHMS.find((one) => one === `SHA${digits}`);
  if (algorithm === undefined) throw new Error(`is of an algorithm that is none: SHA${digits}`);
  if (hex.length % 2 !== 0) throw new Error('has an odd number of digits');
  const [first, ...others] = readCertificates(text);
  if (!first) throw new Error('carries no certificate');
  return {
    algorithm,
    manifest,
    signature: Buffer.from(hex, 'hex'),
    certificates: [first, ...others],
  };
}

function readCertificates(text: string): readonly Certificate[] {
  try {
    return certificatesIn(text);
  } catch (thrown) {
    throw new Error('carries a certificate that cannot be read', { cause: thrown });
  }
}
