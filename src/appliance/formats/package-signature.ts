/** The signature of a package that is being written, for the formats that are packages. */
import type { OvaSignature } from '../ova/writer.ts';
import { signatureName } from '../signature/certificate-file.ts';
import { longestSignature, signManifest } from '../signature/signer.ts';
import type { FormatJob } from './format.ts';

/** Undefined when nobody signs. @param manifest the name of the `.mf` */
export function packageSignature(
  { signer, progress }: FormatJob,
  manifest: string,
): OvaSignature | undefined {
  if (!signer) return undefined;
  return {
    name: signatureName(manifest),
    longestBytes: longestSignature(signer, manifest),
    sign: async (bytes) => (await signManifest(signer, { name: manifest, bytes }, progress)).bytes,
  };
}
