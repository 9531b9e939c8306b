/** `pvmc sign`: says who has made an appliance, for importers to check. */
import { resolve } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { signatureWords } from '../../appliance/signature/check-signature.ts';
import type { SignResult } from '../../pipeline/sign-file.ts';
import { signingRequest } from '../../pipeline/signing-request.ts';
import { parseDuration } from '../../system/duration.ts';
import { requireFile } from '../locate.ts';
import type { Session } from '../session.ts';
import { examples, type OpenSession } from './command.ts';

interface SignFlags {
  readonly key?: string;
  readonly certificate?: string;
  readonly chain?: string;
  readonly passphraseFile?: string;
  readonly timeout?: number;
  readonly output?: string;
}

export function addSign(root: Command, open: OpenSession): void {
  root
    .command('sign')
    .summary('sign an OVA or OVF with an X.509 certificate')
    .description(
      'Signs the manifest of an appliance, of pvmc or of any other tool: its digests are compared, the ' +
        'signature is made by a key in a file or by a command, checked against the certificate, and put ' +
        'into the OVA, or beside the OVF. Nothing else of it changes. An older signature is replaced.',
    )
    .argument('<appliance>', 'an OVA, or an OVF with its files beside it')
    .argument(
      '[command...]',
      'behind --: a program, with its arguments, that gets the manifest on standard input and writes the signature',
    )
    .option('--key <file>', 'the private key, in PEM; else of the variable PVMC_SIGN_KEY')
    .option(
      '--certificate <file>',
      'its certificate, in PEM; else of PVMC_SIGN_CERTIFICATE, else in the file of the key',
    )
    .option('--chain <file>', 'the certificates that lead to a root, in PEM')
    .option(
      '--passphrase-file <file>',
      'what an encrypted key is opened with; else the variable PVMC_SIGN_PASSPHRASE',
    )
    .addOption(
      new Option('--timeout <duration>', 'how long the command may take')
        .argParser(duration)
        .default(undefined, '2m'),
    )
    .option('-o, --output <file>', 'the signed OVA; without it the OVA itself is replaced')
    .addHelpText(
      'after',
      examples([
        ['pvmc sign shop.ova --key vendor.key --certificate vendor.pem', 'signs it in its place'],
        [
          'pvmc sign shop.ova -o signed.ova --certificate vendor.pem -- ./sign-with-kms',
          'lets a command sign, and leaves the file as it is',
        ],
        ['pvmc sign shop.ovf --key vendor.pem', 'writes shop.cert; the file holds both'],
      ]),
    )
    .action(async function act(this: Command, file: string, argv: readonly string[]) {
      await sign(open(this), { file, argv }, this.opts<SignFlags>());
    });
}

async function sign(
  session: Session,
  { file, argv }: { readonly file: string; readonly argv: readonly string[] },
  flags: SignFlags,
): Promise<void> {
  const absolute = (path: string | undefined) =>
    path === undefined ? undefined : resolve(session.workingFolder, path);
  const signing = signingRequest({
    argv,
    certificatePath: absolute(flags.certificate),
    chainPath: absolute(flags.chain),
    keyPath: absolute(flags.key),
    passphrasePath: absolute(flags.passphraseFile),
    timeoutSeconds: flags.timeout,
  });
  await requireFile(file);
  const options = { signing, outputPath: absolute(flags.output) };
  const result = await session.watch({
    title: file,
    run: (emit, signal) => session.program.signFile({ path: file, options, emit, signal }),
  });
  session.conclude(lines(result, session), 'signed', plain(result));
}

function duration(text: string): number {
  const seconds = parseDuration(text);
  if (seconds === undefined) throw new InvalidArgumentError('Write it as 90s, 15m or 2h.');
  return seconds;
}

function lines({ path, signature, replaced, sha256 }: SignResult, session: Session): string[] {
  const { style, shorten } = session;
  const again = replaced ? ' again, in place of another signature' : '';
  return [
    `${style.good(style.marks.done)} ${style.bold(`${shorten(path)} is signed${again}`)}`,
    '',
    `  ${style.dim('by')}           ${signatureWords(signature)}`,
    `  ${style.dim('certificate')}  SHA-256 ${signature.signer.fingerprint}`,
    ...(sha256 === undefined ? [] : [`  ${style.dim('sha256')}       ${sha256}`]),
    ...signature.concerns.map(({ message }) => `  ${style.warning(style.marks.notice)} ${message}`),
  ];
}

/** As `--json` has it. */
function plain({ signature, ...result }: SignResult) {
  const { name, signer, method, concerns } = signature;
  return { ...result, signature: { name, method, ...signer, concerns } };
}
