/** An OVA for each rule of the signature. */
import { sign } from 'node:crypto';
import { certificateTexts } from '../../appliance/testing/certificates.ts';
import { putTogether } from '../../appliance/testing/tampering.ts';
import { AT, type BrokenFile, MF, part, parts } from './small-appliance.ts';

const text = await certificateTexts();
export const CERT = 'tiny-1.0.cert';

interface Signing {
  readonly algorithm?: string;
  readonly key?: string;
  readonly over?: Buffer;
  readonly manifest?: string;
  readonly certificates?: readonly string[];
}

/** The text of a signature; of one that is right, unless something is said. */
export function certText({
  algorithm = 'SHA256',
  key = 'rsa.key',
  over = part(MF),
  manifest = MF,
  certificates = ['rsa.pem'],
}: Signing = {}): string {
  const signature = sign(algorithm.toLowerCase(), over, text(key)).toString('hex');
  return `${algorithm}(${manifest})= ${signature}\n${certificates.map(text).join('')}`;
}

export const signed = (cert: string) => {
  const [ovf, mf, ...others] = parts;
  if (!ovf || !mf) throw new Error('a part is missing');
  return [ovf, mf, { name: CERT, bytes: Buffer.from(cert) }, ...others];
};

const broken = (
  rule: BrokenFile['rule'],
  cert: () => string,
  { message, how }: { readonly message: string; readonly how?: string },
): BrokenFile => ({
  rule,
  ...(how === undefined ? {} : { how }),
  bytes: () => putTogether(signed(cert())),
  place: { member: CERT },
  message,
});

const malformed = (how: string, wrong: string, cert: () => string) =>
  broken('signature-malformed', cert, { how, message: `the signature "${CERT}" ${wrong}` });

export const BROKEN_SIGNATURES: readonly BrokenFile[] = [
  malformed('nothing of one', 'has no line `SHA256(FILE)= SIGNATURE`', () => 'a signature'),
  malformed('without a certificate', 'carries no certificate', () =>
    certText({ certificates: [] }),
  ),
  malformed('of another algorithm', 'is of an algorithm that is none: SHA3', () =>
    certText().replace('SHA256', 'SHA3'),
  ),
  malformed('with half a digit', 'has an odd number of digits', () =>
    certText().replace('= ', '= 0'),
  ),
  malformed('with a damaged certificate', 'carries a certificate that cannot be read', () =>
    certText().replace(/CERTIFICATE-----\n.{8}/, 'CERTIFICATE-----\nAAAAAAAA'),
  ),
  malformed('with a million certificates', `has ${10 ** 6} bytes`, () =>
    certText().padEnd(10 ** 6),
  ),
  broken('signature-elsewhere', () => certText({ manifest: 'other.mf' }), {
    message: `the signature "${CERT}" is over "other.mf", not over "${MF}"`,
  }),
  broken('signature-wrong', () => certText({ over: Buffer.from('another manifest') }), {
    how: 'over another manifest',
    message: `the signature "${CERT}" is not one of "CN=rsa, O=Example Ltd" over this manifest (.mf)`,
  }),
  broken('signature-wrong', () => certText({ key: 'p256.key' }), {
    how: 'with a key that is not the certificate’s',
    message: `the signature "${CERT}" is not one of "CN=rsa, O=Example Ltd" over this manifest (.mf)`,
  }),
  broken('signature-wrong', () => certText().replace(/= .*/, '= 00'), {
    how: 'of one byte',
    message: `the signature "${CERT}" is not one of "CN=rsa, O=Example Ltd" over this manifest (.mf)`,
  }),
  broken('signature-sha1', () => certText({ algorithm: 'SHA1' }), {
    message: 'the signature is over a SHA1 digest',
  }),
  broken('certificate-dates', () => certText({ certificates: ['expired.pem'] }), {
    how: 'expired',
    message: 'the certificate of "CN=expired" has not been valid since 2021-01-01',
  }),
  broken('certificate-dates', () => certText({ certificates: ['future.pem'] }), {
    how: 'of the future',
    message: 'the certificate of "CN=future" is not valid before 2099-01-01',
  }),
  broken('certificate-key', () => certText({ key: 'weak.key', certificates: ['weak.pem'] }), {
    message:
      'the certificate of "CN=weak, O=Example Ltd": its RSA key has 1024 bits, and fewer than 2048 can be broken',
  }),
  broken('certificate-chain', () => certText({ certificates: ['rsa.pem', 'other.pem'] }), {
    message:
      'the certificates are no chain: "CN=rsa, O=Example Ltd" was not issued by "CN=other, O=Example Ltd", which follows it',
  }),
  {
    rule: 'certificate-misplaced',
    bytes: () => putTogether([...parts, { name: CERT, bytes: Buffer.from(certText()) }]),
    place: { member: CERT, offset: AT.end },
    message: `"${CERT}" does not stand directly behind "${MF}"`,
  },
];
