/** The rules about the signature (.cert), which have their numbers among those of the manifest. */
import { dsp0243, issue, type RuleText, tried } from '../rule.ts';

const SIGN_AGAIN = 'Sign again: `pvmc sign`.';

export const SIGNATURE_RULES = {
  'signature-malformed': {
    number: 'L213',
    severity: 'error',
    title: 'the certificate file holds no signature',
    reason:
      'A `.cert` is a line `SHA256(FILE.mf)= SIGNATURE` in hexadecimal, and behind it the signer’s X.509 certificate in PEM.',
    breaks: 'VirtualBox 7.2: "Malformed .cert-file"',
    sources: [dsp0243('certificate file'), tried('VirtualBox 7.2: VERR_NOT_FOUND')],
    cure: `${SIGN_AGAIN} Or leave the \`.cert\` out: an unsigned appliance is imported, a broken signature not.`,
    repair: 'no',
  },
  'signature-elsewhere': {
    number: 'L214',
    severity: 'error',
    title: 'the signature is over a manifest of another name',
    reason:
      'The line of the `.cert` names the `.mf`. Whoever renames the files of a signed appliance has to sign again.',
    breaks: 'VirtualBox 7.2: "Could not locate signed digest for … in the cert-file"',
    sources: [dsp0243('certificate file'), tried('VirtualBox 7.2: VBOX_E_IPRT_ERROR')],
    cure: SIGN_AGAIN,
    repair: 'no',
  },
  'signature-wrong': {
    number: 'L215',
    severity: 'error',
    title: 'the signature is not one over this manifest',
    reason:
      'The manifest was changed after it was signed, the certificate is of another key, or somebody has tampered with the appliance.',
    breaks:
      'VirtualBox 7.2: "The manifest signature does not match"; VMware: "Verification of ….cert failed"',
    sources: [
      dsp0243('certificate file'),
      issue('vmware/photon#447'),
      tried('VirtualBox 7.2 refuses it before it reads a disk'),
    ],
    cure: `If you have changed the manifest, sign again: \`pvmc sign\`. If not, get the file again from its vendor.`,
    repair: 'no',
  },
  'signature-sha1': {
    number: 'L216',
    severity: 'warning',
    title: 'the signature is over a SHA1 digest',
    reason: 'Two files with one SHA1 digest can be made, so a signature over it proves nothing.',
    breaks: 'importers that refuse SHA1, as ESX 6.7 does in the manifest; VirtualBox 7.2 takes it',
    sources: [issue('OpenCTI-Platform/opencti#1642'), tried('VirtualBox 7.2')],
    cure: SIGN_AGAIN,
    repair: 'no',
  },
  'certificate-dates': {
    number: 'L217',
    severity: 'warning',
    title: 'the certificate is not valid today',
    reason:
      'There is no time stamp in a `.cert`, so a signature counts as long as its certificate.',
    breaks:
      'vSphere shows the signer as invalid and wants that to be ignored; VirtualBox 7.2 warns: "is not currently valid"',
    sources: [issue('vmware-tanzu/tanzu-framework#1719'), tried('VirtualBox 7.2')],
    cure: 'Sign again with a certificate that is valid. Whoever has the file can import it nevertheless.',
    repair: 'no',
  },
  'certificate-key': {
    number: 'L218',
    severity: 'warning',
    title: 'the certificate’s key is weak, or of a kind that was not tried',
    reason:
      'An RSA key of less than 2048 bits can be broken. RSA, and ECDSA on P-256 and P-384, are what importers were seen to read.',
    breaks:
      'importers that refuse weak keys, or do not know the kind; VirtualBox 7.2 takes RSA 1024',
    sources: [
      {
        text: 'NIST SP 800-131A, 3',
        url: 'https://nvlpubs.nist.gov/nistpubs/SpecialPublications/NIST.SP.800-131Ar2.pdf',
      },
      tried('VirtualBox 7.2'),
    ],
    cure: 'Sign again with another key.',
    repair: 'no',
  },
  'certificate-chain': {
    number: 'L219',
    severity: 'warning',
    title: 'the certificates behind the signer’s do not lead to a root',
    reason:
      'Each certificate has to be issued by the one behind it; else whoever trusts the root cannot find out that it trusts the signer.',
    breaks: 'everybody who trusts the root; VirtualBox 7.2 warns: "No trusted certificate paths"',
    sources: [dsp0243('certificate file'), tried('VirtualBox 7.2')],
    cure: 'Sign again, with the chain in its order: `pvmc sign --chain`.',
    repair: 'no',
  },
} as const satisfies Readonly<Record<string, RuleText>>;
