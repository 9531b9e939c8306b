/**
 * Makes signatures over manifests, with a key in a file or by a command that keeps the key elsewhere: a KMS, a
 * smart card, an HSM. Every signature is checked against the certificate before anybody gets it, so a key of
 * another certificate is found here, and not by the first customer.
 */
import { type KeyObject, sign } from 'node:crypto';
import { messageOf, PvmcError } from '../../system/error.ts';
import type { Progress } from '../../system/progress.ts';
import { readSmallFile } from '../../system/small-file.ts';
import {
  type Certificate,
  certificatesIn,
  unsuitedKey,
  wrongChain,
  wrongDates,
} from './certificate.ts';
import { encodeSignature, signatureName } from './certificate-file.ts';
import { isBy } from './check-signature.ts';
import { askCommand, type SigningCommand } from './command.ts';
import { type KeyFile, readKey } from './key-file.ts';

/** Where the key is: nothing of it is read before something is to be signed. */
export type SigningKey =
  | ({ readonly kind: 'file' } & KeyFile)
  | ({ readonly kind: 'command' } & SigningCommand);

export interface SigningRequest {
  /** PEM, the signer's first. The others lead to a root, as those of `chainPath` do. */
  readonly certificatePath: string;
  readonly chainPath?: string | undefined;
  readonly key: SigningKey;
}

export interface Signer {
  /** The signer's first. */
  readonly certificates: readonly [Certificate, ...Certificate[]];
  readonly key: SigningKey;
}

/**
 * Reads the certificates, and nothing of the key. What is odd but no error is a notice.
 * @throws PvmcError `sign-certificate-invalid`, `sign-key-unsuited`, `sign-chain-wrong`
 */
export async function openSigner(request: SigningRequest, progress: Progress): Promise<Signer> {
  const { certificatePath, chainPath, key } = request;
  const [first, ...rest] = await readCertificates(certificatePath);
  const more = chainPath === undefined ? [] : await readCertificates(chainPath);
  if (!first) throw noCertificate(certificatePath, 'it holds no PEM certificate');
  const unsuited = unsuitedKey(first.key);
  if (unsuited !== undefined) throw unsuitedCertificate(certificatePath, unsuited);
  // A chain that begins with the signer's own certificate is common, and is no other chain.
  const others = [...rest, ...more].filter(
    ({ facts }, index, all) =>
      facts.fingerprint !== first.facts.fingerprint &&
      all.findIndex((one) => one.facts.fingerprint === facts.fingerprint) === index,
  );
  const certificates = [first, ...others] as const;
  const chain = wrongChain(certificates);
  if (chain !== undefined) throw wrongOrder(chainPath ?? certificatePath, chain);
  const dates = wrongDates(first.facts, new Date());
  if (dates !== undefined) {
    progress.notice(
      `The certificate of "${first.facts.subject}" ${dates}: importers will say so, and some will refuse.`,
    );
  }
  return { certificates, key };
}

/**
 * The bytes of the `.cert` for this manifest. With an RSA key the same input gives the same bytes; an ECDSA
 * signature has a random number in it, and differs each time.
 * @throws PvmcError `sign-key-invalid`, `sign-key-mismatch`, `sign-passphrase-missing`,
 * `sign-passphrase-wrong`, `sign-command-failed`, `sign-command-slow`, `sign-signature-wrong`
 */
export async function signManifest(
  { certificates, key }: Signer,
  manifest: { readonly name: string; readonly bytes: Buffer },
  progress: Progress,
): Promise<{ readonly name: string; readonly bytes: Buffer }> {
  progress.signal.throwIfAborted();
  const [certificate] = certificates;
  const { bytes } = manifest;
  const signature =
    key.kind === 'file'
      ? signWith(await readKey(key, certificate), bytes)
      : await askCommand(key, { certificate, bytes }, progress);
  if (!isBy(certificate, { algorithm: 'SHA256', signature, bytes })) throw mismatch(key);
  return {
    name: signatureName(manifest.name),
    bytes: encodeSignature({ manifest: manifest.name, signature, certificates }),
  };
}

/** Opens a key that is in a file, so that a wrong one is known before anything is written. */
export async function proveKey({ certificates: [certificate], key }: Signer): Promise<void> {
  if (key.kind === 'file') await readKey(key, certificate);
}

/** What tells signers apart: the fingerprints of all certificates. */
export function signerId({ certificates }: Signer): string {
  return certificates.map(({ facts }) => facts.fingerprint).join(' ');
}

/** What the `.cert` can have at most: an ECDSA signature is now and then a byte or two shorter. */
export function longestSignature({ certificates }: Signer, manifestName: string): number {
  const [{ key }] = certificates;
  const { modulusLength = 0 } = key.asymmetricKeyDetails ?? {};
  const signature = Buffer.alloc(Math.max(Math.ceil(modulusLength / 8), LONGEST_ECDSA_BYTES));
  return encodeSignature({ manifest: manifestName, signature, certificates }).length;
}

/** DER on P-384: two numbers of 49 bytes with their heads. */
const LONGEST_ECDSA_BYTES = 104;

function signWith(key: KeyObject, bytes: Buffer): Buffer {
  return sign('sha256', bytes, key);
}

const LARGEST_PEM_BYTES = 2 ** 20;

async function readCertificates(path: string): Promise<readonly Certificate[]> {
  const pem = await readPem(path);
  try {
    const certificates = certificatesIn(pem);
    if (certificates.length > 0) return certificates;
  } catch (thrown) {
    throw noCertificate(path, messageOf(thrown), thrown);
  }
  throw noCertificate(path, 'it holds no PEM certificate');
}

async function readPem(path: string): Promise<string> {
  try {
    return (await readSmallFile(path, LARGEST_PEM_BYTES)).toString('latin1');
  } catch (thrown) {
    throw noCertificate(path, messageOf(thrown), thrown);
  }
}

function noCertificate(path: string, why: string, cause?: unknown): PvmcError {
  return new PvmcError({
    kind: 'input',
    code: 'sign-certificate-invalid',
    message: `${path} is not a certificate to sign with: ${why}`,
    hint: 'Give a PEM file with `-----BEGIN CERTIFICATE-----`; `openssl x509 -inform der` makes one of DER, `openssl pkcs12 -nokeys` one of PKCS#12.',
    cause,
  });
}

function unsuitedCertificate(path: string, why: string): PvmcError {
  return new PvmcError({
    kind: 'input',
    code: 'sign-key-unsuited',
    message: `the certificate ${path} is not one to sign an appliance with: ${why}`,
    hint: 'Importers take RSA from 2048 bits on, and ECDSA on P-256 or P-384.',
  });
}

function wrongOrder(path: string, what: string): PvmcError {
  return new PvmcError({
    kind: 'input',
    code: 'sign-chain-wrong',
    message: `the certificates of ${path} are no chain: ${what}`,
    hint: 'Put the signer’s certificate first, then the one that issued it, and so on.',
  });
}

function mismatch(key: SigningKey): PvmcError {
  const what = key.kind === 'file' ? `the key ${key.path}` : 'the key of the command';
  return new PvmcError({
    kind: 'input',
    code: 'sign-key-mismatch',
    message: `${what} is not the one of the certificate. Nothing was signed`,
  });
}
