/** An OVA for each rule of the manifest. */
import { createHash } from 'node:crypto';
import { putTogether } from '../../appliance/testing/tampering.ts';
import {
  AT,
  type BrokenFile,
  DISK,
  MF,
  OVF,
  part,
  parts,
  withManifest,
} from './small-appliance.ts';

const digest = (name: string, algorithm: string) =>
  createHash(algorithm).update(part(name)).digest('hex');
const DISK_SHA256 = digest(DISK, 'sha256');

export const BROKEN_MANIFESTS: readonly BrokenFile[] = [
  {
    rule: 'manifest-missing',
    bytes: () => putTogether(parts.filter(({ name }) => name !== MF)),
    place: {},
    message: `the package has no manifest "${MF}", so nothing says what its files should be`,
  },
  {
    rule: 'manifest-name',
    bytes: () =>
      putTogether(parts.map((one) => (one.name === MF ? { ...one, name: 'checks.mf' } : one))),
    place: { member: 'checks.mf' },
    message: `the package has no manifest "${MF}", so nothing says what its files should be`,
  },
  {
    rule: 'manifest-line',
    bytes: () => withManifest((text) => text.replaceAll('SHA256(', 'SHA2-256(')),
    place: { member: MF, line: 1 },
    message: `the manifest has a line that is no digest: "SHA2-256(${OVF})= ${digest(OVF, 'sha256').slice(0, 56)}…"`,
  },
  {
    rule: 'manifest-line',
    how: 'two megabytes of them',
    bytes: () => withManifest((text) => text + '\n'.repeat(2 ** 21)),
    place: { member: MF },
    message: `the manifest has ${part(MF).length + 2 ** 21} bytes`,
  },
  {
    rule: 'manifest-spelling',
    how: 'as `sha256sum --tag` writes it',
    bytes: () =>
      withManifest((text) => text.replaceAll('SHA256(', 'SHA256 (').replaceAll(')=', ') =')),
    place: { member: MF, line: 1 },
    message: `the digest of "${OVF}" is not spelled \`SHA256(FILE)= DIGEST\``,
  },
  {
    rule: 'manifest-spelling',
    how: 'with the line ends of Windows',
    bytes: () => withManifest((text) => text.replaceAll('\n', '\r\n')),
    place: { member: MF, line: 1 },
    message: `the digest of "${OVF}" is not spelled \`SHA256(FILE)= DIGEST\``,
  },
  {
    rule: 'manifest-sha1',
    bytes: () =>
      withManifest(() =>
        [OVF, DISK].map((name) => `SHA1(${name})= ${digest(name, 'sha1')}\n`).join(''),
      ),
    place: { member: MF, line: 1 },
    message: `the manifest has only a SHA1 digest of "${OVF}", which vSphere refuses`,
  },
  {
    rule: 'manifest-sha512',
    bytes: () =>
      withManifest(() =>
        [OVF, DISK].map((name) => `SHA512(${name})= ${digest(name, 'sha512')}\n`).join(''),
      ),
    place: { member: MF, line: 1 },
    message: `the digest of "${OVF}" is SHA512`,
  },
  {
    rule: 'digest-malformed',
    bytes: () => withManifest((text) => text.replace(/..\n$/, '\n')),
    place: { member: MF, line: 2 },
    message: `the SHA256 digest of "${DISK}" has 62 digits`,
  },
  {
    rule: 'digest-twice',
    bytes: () => withManifest((text) => text + text.replace(/.*\n/, '')),
    place: { member: MF, line: 3 },
    message: `the manifest lists "${DISK}" twice`,
  },
  {
    rule: 'digest-missing',
    bytes: () => withManifest((text) => text.replace(/^.*vmdk.*\n/m, '')),
    place: { member: MF },
    message: `the manifest lacks "${DISK}"`,
  },
  {
    rule: 'digest-of-nothing',
    bytes: () => withManifest((text) => `${text}SHA256(other.vmdk)= ${DISK_SHA256}\n`),
    place: { member: MF, line: 3 },
    message: 'the manifest lists "other.vmdk", which the package lacks',
  },
  {
    rule: 'digest-wrong',
    how: 'of a disk that is whole',
    bytes: () => withManifest((text) => text.replace(DISK_SHA256, '0'.repeat(64))),
    place: { member: DISK, offset: AT.disk + 512 },
    message: `"${DISK}" is not the file that the manifest (.mf) describes`,
  },
  {
    rule: 'certificate-alone',
    bytes: () => putTogether([...parts, { name: 'other.cert', bytes: Buffer.from('…') }]),
    place: { member: 'other.cert' },
    message: '"other.cert" has no manifest "other.mf"',
  },
];
