/**
 * Where certificate, key and passphrase of a signature come from: what was given, else the environment, so that
 * neither a manifest nor a command line need name a key.
 */
import { USUAL_COMMAND_SECONDS } from '../appliance/signature/command.ts';
import type { PassphraseSource } from '../appliance/signature/key-file.ts';
import type { SigningKey, SigningRequest } from '../appliance/signature/signer.ts';
import { PvmcError } from '../system/error.ts';

/** All paths are absolute. */
export interface GivenSigning {
  readonly certificatePath?: string | undefined;
  readonly chainPath?: string | undefined;
  readonly keyPath?: string | undefined;
  /** A command that signs, in place of a key. */
  readonly argv?: readonly string[] | undefined;
  readonly passphrasePath?: string | undefined;
  readonly timeoutSeconds?: number | undefined;
}

const PASSPHRASE_VARIABLE = 'PVMC_SIGN_PASSPHRASE';

/** @throws PvmcError `sign-key-missing`, `sign-certificate-missing` */
export function signingRequest(
  given: GivenSigning,
  environment: NodeJS.ProcessEnv = process.env,
): SigningRequest {
  const { argv = [], timeoutSeconds = USUAL_COMMAND_SECONDS } = given;
  if (argv.length > 0 && given.keyPath !== undefined) {
    throw missing('key', 'a key and a command that signs were given', 'Give one of them.');
  }
  const of = (name: string) => environment[`PVMC_SIGN_${name}`] || undefined;
  const keyPath = given.keyPath ?? of('KEY');
  const key: SigningKey | undefined =
    argv.length > 0
      ? { kind: 'command', argv, timeoutSeconds }
      : keyPath === undefined
        ? undefined
        : { kind: 'file', path: keyPath, passphrase: passphraseSource(given, of) };
  if (!key) {
    const hint =
      'Give the key’s file (--key FILE, or the variable PVMC_SIGN_KEY), or a command that signs, behind `--`.';
    throw missing('key', 'nothing was given to sign with', hint);
  }
  // Some keep both in one file, as VMware's ovftool wants them.
  const inKey = key.kind === 'file' ? key.path : undefined;
  const certificatePath = given.certificatePath ?? of('CERTIFICATE') ?? inKey;
  if (certificatePath === undefined) {
    const hint = 'Give it: --certificate FILE, or the variable PVMC_SIGN_CERTIFICATE.';
    throw missing('certificate', 'a signature needs the certificate of its key', hint);
  }
  return { certificatePath, chainPath: given.chainPath ?? of('CHAIN'), key };
}

function passphraseSource(
  { passphrasePath }: GivenSigning,
  of: (name: string) => string | undefined,
): PassphraseSource {
  const path = passphrasePath ?? of('PASSPHRASE_FILE');
  return path === undefined
    ? { from: 'environment', variable: PASSPHRASE_VARIABLE }
    : { from: 'file', path };
}

function missing(what: 'key' | 'certificate', message: string, hint: string): PvmcError {
  return what === 'key'
    ? new PvmcError({ kind: 'usage', code: 'sign-key-missing', message, hint })
    : new PvmcError({ kind: 'usage', code: 'sign-certificate-missing', message, hint });
}
