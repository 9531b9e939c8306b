/** `signature`: who signs the exports, and with what. Where the key may lie is told by docs/sign.md. */
import { z } from 'zod';
import { type Complain, type Complaint, property, rule, text } from '../field.ts';
import { hostPath } from '../formats/paths.ts';

export const signatureSchema = z
  .strictObject({
    certificate: text(hostPath).meta({
      description:
        'The file with the X.509 certificate, in PEM, relative to the manifest. Those that lead to a root may follow in it.',
      examples: ['keys/vendor.pem'],
    }),
    chain: text(hostPath)
      .meta({
        description: 'A file with the certificates that lead to a root, in PEM.',
        examples: ['keys/chain.pem'],
      })
      .optional(),
    key: text(hostPath)
      .meta({
        description:
          'The file with the private key, in PEM. Without it and without a command, `--sign-key` or the variable ' +
          'PVMC_SIGN_KEY says where it is.',
        examples: ['/etc/vendor/release.key'],
      })
      .optional(),
    command: z
      .array(text(argument))
      .min(1)
      .meta({
        description:
          'A program with its arguments that signs in place of a key: it gets the manifest (.mf) on standard input ' +
          'and writes the signature. No shell reads it.',
        examples: [['./sign-with-kms', 'release']],
      })
      .optional(),
  })
  .check(rule(oneKey));

function oneKey(value: unknown, complain: Complain): void {
  if (property(value, 'key') === undefined || property(value, 'command') === undefined) return;
  complain(['command'], { message: 'a signature is made by a key or by a command, not by both' });
}

/** What stands here is kept with the build, and seen by everybody on the computer while it runs. */
function argument(value: string): Complaint | undefined {
  return /pin-value=/i.test(value)
    ? {
        message: 'holds a PIN, which is no secret in a manifest or in an argument',
        hint: 'write pin-source=file:/path/to/pin in its place',
      }
    : undefined;
}
