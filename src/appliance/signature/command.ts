/**
 * A command that signs, for keys that no file may hold. It gets the bytes of the manifest on its standard input
 * and writes the signature to its standard output; openssl, the command lines of the clouds' KMS and every
 * script can do that. What form the signature comes in need not be said: the one that the certificate's key
 * verifies is the right one.
 */
import { counted } from '../../system/counted.ts';
import { PvmcError } from '../../system/error.ts';
import type { Progress } from '../../system/progress.ts';
import { runForBytes } from '../../system/run.ts';
import { formatDuration } from '../../system/size.ts';
import { type Certificate, CURVES } from './certificate.ts';
import { isBy } from './check-signature.ts';

export interface SigningCommand {
  /** Program and arguments; no shell reads them. Everybody on the computer can. */
  readonly argv: readonly string[];
  readonly timeoutSeconds: number;
}

/** As people wait for a hardware token to be touched. */
export const USUAL_COMMAND_SECONDS = 120;

/** @throws PvmcError `sign-command-failed`, `sign-command-slow`, `sign-signature-wrong`; the signal's reason */
export async function askCommand(
  command: SigningCommand,
  wanted: { readonly certificate: Certificate; readonly bytes: Buffer },
  progress: Progress,
): Promise<Buffer> {
  const output = await outputOf(command, wanted.bytes, progress);
  const signature = formsOf(output, wanted.certificate).find((form) =>
    isBy(wanted.certificate, { algorithm: 'SHA256', signature: form, bytes: wanted.bytes }),
  );
  if (signature) return signature;
  throw new PvmcError({
    kind: 'input',
    code: 'sign-signature-wrong',
    message: `what ${nameOf(command)} has written is no signature of "${wanted.certificate.facts.subject}" over the manifest (.mf)`,
    details: [`It wrote ${counted(output.length, 'byte')}.`],
    hint: 'The command gets the manifest itself on standard input, not its digest, and has to sign with SHA256 and the certificate’s key: RSA with PKCS#1 v1.5, or ECDSA. Raw bytes, base64 and hexadecimal are understood.',
  });
}

async function outputOf(
  command: SigningCommand,
  bytes: Buffer,
  progress: Progress,
): Promise<Buffer> {
  const { argv, timeoutSeconds } = command;
  const limit = AbortSignal.timeout(timeoutSeconds * 1000);
  try {
    return await runForBytes(argv, {
      signal: AbortSignal.any([progress.signal, limit]),
      log: (line, origin) => progress.log(line, origin),
      // Who we are is told to a KMS, and where its module is to openssl, by variables of each tool's own.
      env: wholeEnvironment(),
      input: bytes,
    });
  } catch (thrown) {
    progress.signal.throwIfAborted();
    if (limit.aborted) throw tooSlow(command);
    throw thrown instanceof PvmcError ? failed(command, thrown) : thrown;
  }
}

function wholeEnvironment(): Readonly<Record<string, string>> {
  const all = Object.entries(process.env);
  return Object.fromEntries(
    all.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}

/** Everything that the output could be. */
function formsOf(output: Buffer, certificate: Certificate): readonly Buffer[] {
  const text = output.toString('latin1').trim();
  const texts = /^[\w+/=\s-]+$/.test(text)
    ? [Buffer.from(text, 'base64'), Buffer.from(text.replaceAll(/\s/g, ''), 'hex')]
    : [];
  const forms = [output, ...texts];
  return [...forms, ...forms.flatMap((form) => derOf(form, certificate))];
}

/** PKCS#11 gives the two numbers of an ECDSA signature as they are, one behind the other. */
function derOf(bytes: Buffer, { key }: Certificate): readonly Buffer[] {
  const size = CURVES[key.asymmetricKeyDetails?.namedCurve ?? '']?.bytes;
  if (size === undefined || bytes.length !== 2 * size) return [];
  const numbers = [bytes.subarray(0, size), bytes.subarray(size)].map(integer);
  const body = Buffer.concat(numbers);
  return [Buffer.concat([Buffer.of(0x30, body.length), body])];
}

/** In DER: as short as can be, with a zero before a first bit that would be a sign. */
function integer(number: Buffer): Buffer {
  const start = Math.min(
    Math.max(
      number.findIndex((byte) => byte !== 0),
      0,
    ),
    number.length - 1,
  );
  const short = number.subarray(start);
  const sign = (short[0] ?? 0) >= 0x80 ? Buffer.of(0) : Buffer.alloc(0);
  return Buffer.concat([Buffer.of(0x02, sign.length + short.length), sign, short]);
}

function nameOf({ argv }: SigningCommand): string {
  return argv[0] ?? '';
}

/** The arguments are left out: somebody may have put a PIN there after all. */
function failed(command: SigningCommand, { code, message, details }: PvmcError): PvmcError {
  const isMissing = code === 'program-missing';
  return new PvmcError({
    kind: 'host',
    code: 'sign-command-failed',
    message: isMissing
      ? `the command that signs is not there: ${nameOf(command)}`
      : `the command that signs has failed: ${message}`,
    details,
    hint: isMissing
      ? 'Give its path, or install it.'
      : 'Run it by hand: it gets the manifest (.mf) on standard input, and has no terminal to ask for a PIN.',
  });
}

function tooSlow(command: SigningCommand): PvmcError {
  return new PvmcError({
    kind: 'host',
    code: 'sign-command-slow',
    message: `the command that signs, ${nameOf(command)}, was not done after ${formatDuration(command.timeoutSeconds)}, and was ended`,
    hint: 'It has no terminal: what it asks for, nobody sees. Give it more time with --timeout, if it needs that.',
  });
}
