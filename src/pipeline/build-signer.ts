/** Who signs a build's exports: what the manifest says, filled up by options and environment. */
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { resolve } from 'node:path';
import { openSigner, type Signer } from '../appliance/signature/signer.ts';
import { messageOf, PvmcError } from '../system/error.ts';
import type { Progress } from '../system/progress.ts';
import type { BuildOptions } from './build-options.ts';
import type { ReadAppliance } from './prepare.ts';
import { signingRequest } from './signing-request.ts';

/**
 * Undefined when neither the manifest nor an option wants a signature: a variable that is set signs nothing by
 * itself. Reads the certificates, and sees that the key's file is there; nothing of it is read.
 * @throws PvmcError `sign-key-missing`, `sign-key-invalid`, and what `openSigner` throws
 */
export async function buildSigner(
  { file, payload }: ReadAppliance,
  { signKeyPath, signCertificatePath }: BuildSigning,
  progress: Progress,
): Promise<Signer | undefined> {
  const { signature } = file.manifest;
  if (!signature && signKeyPath === undefined) return undefined;
  const keyPath =
    signKeyPath ?? (signature?.key === undefined ? undefined : resolve(file.folder, signature.key));
  const request = signingRequest({
    certificatePath: signCertificatePath ?? payload.signature?.certificatePath,
    chainPath: payload.signature?.chainPath,
    keyPath,
    argv: signKeyPath === undefined ? commandBeside(file.folder, signature?.command) : undefined,
  });
  const { key } = request;
  if (key.kind === 'file') await requireReadable(key.path);
  return openSigner(request, progress);
}

type BuildSigning = Pick<BuildOptions, 'signKeyPath' | 'signCertificatePath'>;

/** A program that lies beside the manifest is meant from wherever the build is started. */
function commandBeside(folder: string, command: readonly string[] | undefined) {
  const [program, ...rest] = command ?? [];
  if (program === undefined) return undefined;
  return [/^\.{1,2}\//.test(program) ? resolve(folder, program) : program, ...rest];
}

async function requireReadable(path: string): Promise<void> {
  try {
    await access(path, constants.R_OK);
  } catch (thrown) {
    throw new PvmcError({
      kind: 'input',
      code: 'sign-key-invalid',
      message: `the key ${path} cannot be read: ${messageOf(thrown)}`,
      hint: 'The key may lie elsewhere: --sign-key FILE, or the variable PVMC_SIGN_KEY.',
    });
  }
}
