/** L2xx: the manifest (.mf) with its digests, and the certificate (.cert). */
import { quoted } from '../../appliance/broken.ts';
import type { ListedDigest } from '../../appliance/ova/mf.ts';
import { dsp0243, issue, type Rule, tried } from '../rule.ts';
import { SIGNATURE_RULES } from './signature.ts';

export interface ManifestSubject {
  /** The manifest's name; undefined when there is none. */
  readonly name: string | undefined;
  readonly digests: readonly ListedDigest[];
  readonly files: readonly { readonly name: string }[];
}

const WRITE_ANEW = '`openssl sha256 *.ovf *.vmdk > NAME.mf` writes lines that are right.';

export const MANIFEST_RULES = {
  'manifest-missing': {
    number: 'L201',
    severity: 'warning',
    title: 'there is no manifest',
    reason: 'Without the `.mf` nobody notices a damaged disk before it boots.',
    breaks: 'nobody refuses; ovftool warns; vSphere cannot check a signature',
    sources: [dsp0243('manifest file'), issue('coreos/fedora-coreos-tracker#391')],
    cure: WRITE_ANEW,
    repair: 'yes',
  },
  'manifest-name': {
    number: 'L202',
    severity: 'error',
    title: 'the manifest has another name than the descriptor',
    reason: 'Manifest and descriptor have one base name; an importer looks for no other.',
    breaks: 'every importer takes it for a stray file, and checks nothing',
    sources: [dsp0243('manifest file')],
    cure: 'Rename it like the `.ovf`.',
    repair: 'yes',
  },
  'manifest-line': {
    number: 'L203',
    severity: 'error',
    title: 'the manifest has a line that is no digest',
    reason:
      'Every line is `ALGORITHM(FILE)= DIGEST`. What openssl 3 calls `SHA2-256` is no algorithm of OVF.',
    breaks: 'vCenter 8: "Invalid OVF checksum algorithm: SHA2-256"',
    sources: [dsp0243('manifest file'), issue('home-assistant/operating-system#3654')],
    cure: `Replace \`SHA2-256(\` by \`SHA256(\`, and drop what is no digest.`,
    repair: 'yes',
  },
  'manifest-spelling': {
    number: 'L204',
    severity: 'error',
    title: 'a digest is not spelled as importers expect',
    reason:
      'No blank before the parenthesis, one behind the equals sign, small letters, a line feed at the end. `sha256sum --tag` writes it otherwise.',
    breaks: 'ESXi: "Invalid OVF checksum algorithm: SHA256 ", with the blank',
    sources: [
      dsp0243('manifest file'),
      issue('home-assistant/operating-system#826'),
      {
        text: 'VMware Communities 2895698',
        url: 'https://communities.vmware.com/t5/Virtual-Appliances-Discussions/Format-of-OVA-manifest-file-depending-on-OVF-or-VMX-version/td-p/2895698',
      },
    ],
    cure: 'Write `SHA256(FILE)= DIGEST`.',
    repair: 'yes',
    *check({ name: member, digests }) {
      for (const { name, line, isExact, algorithm } of digests) {
        if (isExact) continue;
        const message = `the digest of ${quoted(name)} is not spelled \`${algorithm}(FILE)= DIGEST\``;
        yield { message, place: { member, line } };
      }
    },
  },
  'manifest-sha1': {
    number: 'L205',
    severity: 'warning',
    title: 'the digests are SHA1',
    reason:
      'SHA1 proves nothing about a file that somebody wanted to forge. SHA256 is read since vSphere 6.',
    breaks:
      'ESX 6.7: "Invalid OVF checksum algorithm: SHA1"; `pvmc verify`. vCenter 5.5 reads nothing else',
    sources: [issue('OpenCTI-Platform/opencti#1642'), issue('nextcloud/vm#910')],
    cure: WRITE_ANEW,
    repair: 'yes',
  },
  'manifest-sha512': {
    number: 'L206',
    severity: 'warning',
    title: 'the digests are SHA512',
    reason: 'SHA256 is what every importer of the last ten years reads.',
    breaks: 'importers that know SHA1 and SHA256 alone',
    sources: [dsp0243('manifest file')],
    cure: WRITE_ANEW,
    repair: 'yes',
    *check({ name: member, digests }) {
      for (const { name, algorithm, line } of digests) {
        if (algorithm !== 'SHA512') continue;
        yield { message: `the digest of ${quoted(name)} is SHA512`, place: { member, line } };
      }
    },
  },
  'digest-malformed': {
    number: 'L207',
    severity: 'error',
    title: 'a digest has a wrong number of digits',
    reason: 'SHA1 has 40 hexadecimal digits, SHA256 64, SHA512 128.',
    breaks: 'every importer that compares',
    sources: [dsp0243('manifest file')],
    cure: WRITE_ANEW,
    repair: 'yes',
  },
  'digest-twice': {
    number: 'L208',
    severity: 'warning',
    title: 'a file is listed twice',
    reason: 'Which of the two counts is for each importer to guess.',
    breaks: 'importers that refuse what they do not understand',
    sources: [dsp0243('manifest file')],
    cure: 'Drop one of them.',
    repair: 'yes',
  },
  'digest-missing': {
    number: 'L209',
    severity: 'error',
    title: 'a file has no digest',
    reason: 'A manifest lists every file of the package but itself and the certificate.',
    breaks: 'ovftool warns: "No manifest entry found"; others import it unchecked',
    sources: [dsp0243('manifest file'), issue('GNS3/gns3-vm#40')],
    cure: WRITE_ANEW,
    repair: 'yes',
  },
  'digest-of-nothing': {
    number: 'L210',
    severity: 'error',
    title: 'the manifest lists a file that is not there',
    reason: 'A file was renamed, or lost.',
    breaks: 'importers that look for every file that is listed',
    sources: [dsp0243('manifest file')],
    cure: 'Drop the line, or bring the file back.',
    repair: 'yes',
  },
  'digest-wrong': {
    number: 'L211',
    severity: 'error',
    title: 'a file is not the one whose digest is listed',
    reason: 'The file was changed after the manifest was made, or it is damaged.',
    breaks: 'VirtualBox, VMware: "SHA digest of file … does not match manifest"',
    sources: [
      dsp0243('manifest file'),
      issue('pwnedlabs/pwncloudos#8'),
      tried('VirtualBox 7.2: VERR_NOT_EQUAL'),
    ],
    cure: 'If you have changed it, write the manifest anew; if not, copy or download it again. `--fix` does it for a descriptor that is valid and a disk that is whole, since those prove themselves.',
    repair: 'prevents',
  },
  'certificate-alone': {
    number: 'L212',
    severity: 'warning',
    title: 'the certificate does not belong to the manifest',
    reason: 'A `.cert` signs the `.mf` of the same base name; without that it signs nothing.',
    breaks: 'importers show the appliance as unsigned, or refuse it',
    sources: [dsp0243('manifest file')],
    cure: 'Rename it like the `.ovf`, or sign again.',
    repair: 'no',
    *check({ name: manifest, files }) {
      for (const { name } of files) {
        if (!name.endsWith('.cert') || name.replace(/\.cert$/, '.mf') === manifest) continue;
        const message = `${quoted(name)} has no manifest ${quoted(name.replace(/\.cert$/, '.mf'))}`;
        yield { message, place: { member: name } };
      }
    },
  },
  ...SIGNATURE_RULES,
} as const satisfies Readonly<Record<string, Rule<ManifestSubject>>>;
