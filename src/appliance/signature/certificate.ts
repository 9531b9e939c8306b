/**
 * X.509 certificates as signatures of appliances carry them: read from PEM, and what a person wants to know
 * of one. Whether somebody is to be trusted is not decided here.
 */
import { type KeyObject, X509Certificate } from 'node:crypto';
import { plainText } from '../../system/plain-text.ts';

export interface Certificate {
  readonly x509: X509Certificate;
  readonly key: KeyObject;
  /** `RSA 3072`, `ECDSA P-256` */
  readonly keyName: string;
  readonly facts: CertificateFacts;
}

/** In words that are harmless to show. */
export interface CertificateFacts {
  /** `CN=Example Ltd Release Signing, O=Example Ltd` */
  readonly subject: string;
  readonly issuer: string;
  readonly isSelfSigned: boolean;
  /** SHA-256, as openssl writes it: `AB:CD:…` */
  readonly fingerprint: string;
  readonly validFrom: Date;
  readonly validTo: Date;
}

/** A chain of more is nobody's. */
const MOST_CERTIFICATES = 16;

/** All that a text holds. @throws Error when one of them is not one, or its key cannot be read */
export function certificatesIn(pem: string): readonly Certificate[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[\w+/=\s]+-----END CERTIFICATE-----/g) ?? [];
  if (blocks.length > MOST_CERTIFICATES) {
    throw new Error(`${blocks.length} certificates are more than any chain has`);
  }
  return blocks.map(readCertificate);
}

function readCertificate(pem: string): Certificate {
  const x509 = new X509Certificate(pem);
  const key = x509.publicKey;
  return {
    x509,
    key,
    keyName: nameOfKey(key),
    facts: {
      subject: nameIn(x509.subject),
      issuer: nameIn(x509.issuer),
      isSelfSigned: x509.checkIssued(x509),
      fingerprint: x509.fingerprint256,
      validFrom: new Date(x509.validFrom),
      validTo: new Date(x509.validTo),
    },
  };
}

/** The certificate as text, without what may have stood around it. */
export function pemOf({ x509 }: Certificate): string {
  return x509.toString();
}

/** What keeps a key from signing appliances that importers should take; undefined when nothing does. */
export function unsuitedKey({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject) {
  const { modulusLength = 0, namedCurve = '' } = asymmetricKeyDetails ?? {};
  if (asymmetricKeyType === 'rsa') {
    return modulusLength < LEAST_RSA_BITS
      ? `its RSA key has ${modulusLength} bits, and fewer than ${LEAST_RSA_BITS} can be broken`
      : undefined;
  }
  if (asymmetricKeyType !== 'ec') return `its key is ${asymmetricKeyType ?? 'of no known kind'}`;
  return namedCurve in CURVES ? undefined : `its key is on the curve ${namedCurve}`;
}

/** NIST SP 800-131A. */
export const LEAST_RSA_BITS = 2048;

/** Those that were tried, with the bytes of a number on them. */
export const CURVES: Readonly<Record<string, { readonly name: string; readonly bytes: number }>> = {
  prime256v1: { name: 'P-256', bytes: 32 },
  secp384r1: { name: 'P-384', bytes: 48 },
};

function nameOfKey({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): string {
  const { modulusLength, namedCurve = '' } = asymmetricKeyDetails ?? {};
  if (asymmetricKeyType === 'rsa') return `RSA ${modulusLength ?? ''}`.trim();
  if (asymmetricKeyType === 'ec') return `ECDSA ${CURVES[namedCurve]?.name ?? namedCurve}`;
  return asymmetricKeyType ?? 'a key of no known kind';
}

const LONGEST_NAME = 200;

/** Node gives a part a line, the most general first. */
function nameIn(lines: string | undefined): string {
  const parts = (lines ?? '').split('\n').filter((line) => line !== '');
  const name = plainText(parts.toReversed().join(', '));
  if (name === '') return 'nobody (a name that is empty)';
  return name.length > LONGEST_NAME ? `${name.slice(0, LONGEST_NAME)}…` : name;
}

/** What is wrong with the time that it is valid for; undefined when nothing is. */
export function wrongDates({ validFrom, validTo }: CertificateFacts, now: Date) {
  if (Number.isNaN(validFrom.getTime()) || Number.isNaN(validTo.getTime())) {
    return 'has dates that are none';
  }
  if (now < validFrom) return `is not valid before ${dayOf(validFrom)}`;
  return now > validTo ? `has not been valid since ${dayOf(validTo)}` : undefined;
}

/** What is wrong with certificates of which each should be issued by the next; undefined when nothing is. */
export function wrongChain(certificates: readonly Certificate[]): string | undefined {
  for (const [index, { x509, facts }] of certificates.entries()) {
    const next = certificates[index + 1];
    if (!next) return undefined;
    if (!x509.checkIssued(next.x509) || !isSignedBy(x509, next.key)) {
      return `"${facts.subject}" was not issued by "${next.facts.subject}", which follows it`;
    }
  }
  return undefined;
}

function isSignedBy(x509: X509Certificate, key: KeyObject): boolean {
  try {
    return x509.verify(key);
  } catch {
    // A key of another kind than the signature's.
    return false;
  }
}

/** `2027-11-30` */
export function dayOf(date: Date): string {
  return Number.isNaN(date.getTime()) ? 'no date' : date.toISOString().slice(0, 10);
}
