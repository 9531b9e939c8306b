/**
 * Looks at the signature that a package carries: whether it is one, whether it is over this manifest, and by
 * whom. It is never said that somebody is to be trusted: that is for whoever knows the vendor.
 */
import { verify } from 'node:crypto';
import { counted } from '../../system/counted.ts';
import { Fault, quoted, type Report } from '../broken.ts';
import { findManifest } from '../ova/digests.ts';
import { type PackageFile, readWhole } from '../ova/members.ts';
import {
  type Certificate,
  type CertificateFacts,
  dayOf,
  unsuitedKey,
  wrongChain,
  wrongDates,
} from './certificate.ts';
import { decodeSignature, type SignatureFile, signatureName } from './certificate-file.ts';

/** A signature that is over the package's manifest. */
export interface CheckedSignature {
  /** The file's name. */
  readonly name: string;
  readonly signer: CertificateFacts;
  /** `SHA256 with RSA 3072` */
  readonly method: string;
  /** What importers, or people, may not like. */
  readonly concerns: readonly Concern[];
}

export type ConcernName =
  | 'signature-sha1'
  | 'certificate-dates'
  | 'certificate-key'
  | 'certificate-chain';

export interface Concern {
  readonly name: ConcernName;
  readonly message: string;
}

/** A signature has a few kilobytes, with a long chain. */
const LARGEST_SIGNATURE_BYTES = 2 ** 18;
/** The digests themselves are refused beyond it, too. */
const LARGEST_MANIFEST_BYTES = 2 ** 20;

/**
 * Undefined when the package is not signed, or when what is wrong was only reported.
 * Reports faults with the codes `ova-signature-invalid`, `ova-signature-wrong`.
 */
export async function checkSignature(
  files: readonly PackageFile[],
  report: Report,
  now = new Date(),
): Promise<CheckedSignature | undefined> {
  const manifest = findManifest(files, () => {});
  const file = manifest && files.find(({ name }) => name === signatureName(manifest.name));
  if (!manifest || !file || manifest.sizeBytes > LARGEST_MANIFEST_BYTES) return undefined;
  const place = { member: file.name, offset: file.offset };
  const tell = (fault: SignatureFault, message: string, hint?: string) => {
    const code = fault === 'signature-wrong' ? 'ova-signature-wrong' : 'ova-signature-invalid';
    report(new Fault(fault, place, { code, message, hint }));
  };
  const signature = await readSignature(file, (wrong) =>
    tell('signature-malformed', `the signature ${quoted(file.name)} ${wrong}`),
  );
  if (!signature) return undefined;
  if (signature.manifest !== manifest.name) {
    const message = `the signature ${quoted(file.name)} is over ${quoted(signature.manifest)}, not over ${quoted(manifest.name)}`;
    tell('signature-elsewhere', message, 'Sign again: a signature does not survive another name.');
    return undefined;
  }
  const [signer] = signature.certificates;
  if (!isBy(signer, { ...signature, bytes: await readWhole(manifest) })) {
    const message = `the signature ${quoted(file.name)} is not one of ${quoted(signer.facts.subject)} over this manifest (.mf)`;
    tell('signature-wrong', message, WRONG_HINT);
    return undefined;
  }
  const { algorithm } = signature;
  const method = `${algorithm} with ${signer.keyName}`;
  return {
    name: file.name,
    signer: signer.facts,
    method,
    concerns: concernsOf(signature, now),
  };
}

type SignatureFault = 'signature-malformed' | 'signature-elsewhere' | 'signature-wrong';

const WRONG_HINT =
  'The manifest was changed after it was signed, or somebody else has signed it. Get the file again from its vendor.';

async function readSignature(
  file: PackageFile,
  complain: (wrong: string) => void,
): Promise<SignatureFile | undefined> {
  if (file.sizeBytes > LARGEST_SIGNATURE_BYTES) {
    complain(`has ${counted(file.sizeBytes, 'byte')}`);
    return undefined;
  }
  try {
    return decodeSignature((await readWhole(file)).toString('latin1'));
  } catch (thrown) {
    complain(thrown instanceof Error ? thrown.message : String(thrown));
    return undefined;
  }
}

export interface Signed {
  readonly algorithm: SignatureFile['algorithm'];
  readonly signature: Buffer;
  /** What is signed. */
  readonly bytes: Buffer;
}

/** Whether the certificate's key has made the signature over these bytes. */
export function isBy({ key }: Certificate, { algorithm, signature, bytes }: Signed): boolean {
  try {
    return verify(algorithm.toLowerCase(), bytes, key, signature);
  } catch {
    // A key that makes no such signatures.
    return false;
  }
}

function concernsOf({ algorithm, certificates }: SignatureFile, now: Date): readonly Concern[] {
  const [signer] = certificates;
  const whose = `the certificate of ${quoted(signer.facts.subject)}`;
  const dates = wrongDates(signer.facts, now);
  const key = unsuitedKey(signer.key);
  const chain = wrongChain(certificates);
  return [
    algorithm === 'SHA1' && concern('signature-sha1', 'the signature is over a SHA1 digest'),
    dates !== undefined && concern('certificate-dates', `${whose} ${dates}`),
    key !== undefined && concern('certificate-key', `${whose}: ${key}`),
    chain !== undefined && concern('certificate-chain', `the certificates are no chain: ${chain}`),
  ].filter((one) => one !== false);
}

function concern(name: ConcernName, message: string): Concern {
  return { name, message };
}

/** For people: who has signed, and what that is worth. */
export function signatureWords({ signer, method }: CheckedSignature): string {
  const by = signer.isSelfSigned ? 'self-signed' : `issued by ${signer.issuer}`;
  return `${signer.subject}, ${by}, valid until ${dayOf(signer.validTo)}; ${method}`;
}
