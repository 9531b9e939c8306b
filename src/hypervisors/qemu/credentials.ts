/**
 * systemd credentials as SMBIOS OEM strings (type 11). Of the ways into a machine this one needs
 * nothing of the guest: Debian's kernel has the reader built in, and systemd's first process imports
 * them, with an initramfs of any kind.
 */
import { PvmcError } from '../../system/error.ts';

/** All SMBIOS tables share 64 KiB at most (entry point 2.1); half of it is plenty for us. */
const MAXIMUM_BYTES = 32 * 1024;

/** One SMBIOS string for each credential. */
export function credentialStrings(credentials: Readonly<Record<string, string>>): string[] {
  const strings = Object.entries(credentials).map(([name, value]) => {
    // The name becomes a file name in the guest and ends at an equals sign here.
    if (!/^[\w.-]{1,200}$/.test(name)) throw invalid(`“${name}” is no name for a credential`);
    return `io.systemd.credential.binary:${name}=${Buffer.from(value).toString('base64')}`;
  });
  const size = strings.reduce((sum, text) => sum + text.length + 1, 0);
  if (size > MAXIMUM_BYTES) throw invalid(`the credentials take ${size} of ${MAXIMUM_BYTES} bytes`);
  return strings;
}

function invalid(message: string): PvmcError {
  return new PvmcError({ kind: 'internal', code: 'credential-invalid', message });
}
