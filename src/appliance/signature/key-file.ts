/** A private key in a PEM file, perhaps encrypted. Nothing of it, nor of its passphrase, is ever told. */
import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { messageOf, PvmcError } from '../../system/error.ts';
import { readSmallFile } from '../../system/small-file.ts';
import type { Certificate } from './certificate.ts';

export interface KeyFile {
  readonly path: string;
  readonly passphrase: PassphraseSource;
}

/** Never an argument of a command line, which everybody on the computer can read. */
export type PassphraseSource =
  | { readonly from: 'environment'; readonly variable: string }
  | { readonly from: 'file'; readonly path: string };

const LARGEST_KEY_BYTES = 2 ** 20;

/**
 * The key, which is the certificate's.
 * @throws PvmcError `sign-key-invalid`, `sign-key-mismatch`, `sign-passphrase-missing`, `sign-passphrase-wrong`
 */
export async function readKey(file: KeyFile, certificate: Certificate): Promise<KeyObject> {
  const pem = await readSecret(file.path);
  const key = await decrypt(pem, file);
  if (createPublicKey(key).equals(certificate.key)) return key;
  throw new PvmcError({
    kind: 'input',
    code: 'sign-key-mismatch',
    message: `the key ${file.path} is not the one of the certificate "${certificate.facts.subject}"`,
    hint: 'Give the key that the certificate was made for: `openssl pkey -pubout` of the one and `openssl x509 -pubkey -noout` of the other say the same.',
  });
}

/** Whether others than its owner may read a file of secrets; false when there is none, and for what is no file. */
export async function isOpenToOthers(path: string): Promise<boolean> {
  const facts = await stat(path).catch(() => undefined);
  return facts?.isFile() === true && (facts.mode & 0o077) !== 0;
}

async function decrypt(pem: Buffer, file: KeyFile): Promise<KeyObject> {
  const [, begin] = /-----BEGIN ([A-Z ]*)PRIVATE KEY-----/.exec(pem.toString('latin1')) ?? [];
  if (begin === undefined) throw invalid(file, 'it holds no PEM private key');
  const isEncrypted = begin === 'ENCRYPTED ' || pem.includes('Proc-Type: 4,ENCRYPTED');
  const opened = isEncrypted ? { passphrase: await passphraseOf(file) } : {};
  try {
    return createPrivateKey({ key: pem, format: 'pem', ...opened });
  } catch {
    // What OpenSSL says might quote the key.
    throw isEncrypted ? wrongPassphrase(file) : invalid(file, 'it cannot be read');
  }
}

function wrongPassphrase(file: KeyFile): PvmcError {
  return new PvmcError({
    kind: 'input',
    code: 'sign-passphrase-wrong',
    message: `the passphrase does not open the key ${file.path}`,
    hint: `It was taken from ${sourceWords(file.passphrase)}. A line end behind it does not count, blanks do.`,
  });
}

async function passphraseOf(file: KeyFile): Promise<Buffer> {
  const { passphrase: source } = file;
  const bytes =
    source.from === 'file'
      ? await readSecret(source.path, 'sign-passphrase-missing')
      : Buffer.from(process.env[source.variable] ?? '');
  const passphrase = withoutLineEnd(bytes);
  if (passphrase.length > 0) return passphrase;
  throw new PvmcError({
    kind: 'input',
    code: 'sign-passphrase-missing',
    message: `the key ${file.path} is encrypted, and ${sourceWords(source)} holds no passphrase`,
    hint: 'Set PVMC_SIGN_PASSPHRASE, or PVMC_SIGN_PASSPHRASE_FILE to the name of a file with it.',
  });
}

function sourceWords(source: PassphraseSource): string {
  return source.from === 'file' ? source.path : `the variable ${source.variable}`;
}

function withoutLineEnd(bytes: Buffer): Buffer {
  const text = bytes.toString('latin1').replace(/\r?\n$/, '');
  return bytes.subarray(0, text.length);
}

async function readSecret(
  path: string,
  code: 'sign-key-invalid' | 'sign-passphrase-missing' = 'sign-key-invalid',
): Promise<Buffer> {
  try {
    // A pipe is fine: `--key <(…)` keeps a key off the disk.
    return await readSmallFile(path, LARGEST_KEY_BYTES);
  } catch (thrown) {
    const what = code === 'sign-key-invalid' ? 'the key' : 'the passphrase’s file';
    const message = `${what} ${path} cannot be read: ${messageOf(thrown)}`;
    throw new PvmcError({ kind: 'input', code, message });
  }
}

function invalid({ path }: KeyFile, why: string): PvmcError {
  return new PvmcError({
    kind: 'input',
    code: 'sign-key-invalid',
    message: `${path} is not a key to sign with: ${why}`,
    hint: 'Give a PEM file with `-----BEGIN PRIVATE KEY-----`, as `openssl genpkey` writes it.',
  });
}
