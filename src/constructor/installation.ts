/** Reads the installation manifest that the medium carries. */
import { readFile } from 'node:fs/promises';
import {
  INSTALLATION_MANIFEST_VERSION,
  type InstallationManifest,
} from '../manifest/installation-manifest.ts';
import { messageOf, PvmcError } from '../system/error.ts';

export async function readInstallationManifest(path: string): Promise<InstallationManifest> {
  const text = await readFile(path, 'utf8').catch((thrown: unknown) => {
    throw new PvmcError({
      kind: 'construct',
      code: 'no-installation-manifest',
      message: `there is no installation manifest at ${path}: ${messageOf(thrown)}`,
      hint: 'The medium carries it as pvmc/installation.json; is this a PVMC ISO, and is it mounted?',
    });
  });
  const parsed = parse(path, text);
  const { version } = parsed;
  if (version !== INSTALLATION_MANIFEST_VERSION) {
    throw new PvmcError({
      kind: 'construct',
      code: 'foreign-installation-manifest',
      message: `the installation manifest has version ${String(version)}; this constructor reads version ${INSTALLATION_MANIFEST_VERSION}`,
      hint: 'Make the medium afresh with one version of pvmc: pvmc iso.',
    });
  }
  return parsed as InstallationManifest;
}

/** Whatever the file holds, it is at least an object. */
function parse(path: string, text: string): { readonly version?: unknown } {
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed === 'object' && parsed !== null) return parsed;
    throw new TypeError('it describes nothing');
  } catch (thrown) {
    throw new PvmcError({
      kind: 'construct',
      code: 'foreign-installation-manifest',
      message: `${path} is no installation manifest: ${messageOf(thrown)}`,
      hint: 'Is the medium whole? Compare its SHA-256, or make it afresh: pvmc iso.',
    });
  }
}
