/** `FILE.sha256` beside each exported file: what `sha256sum -c` takes, in the folder of the file. */
import { basename } from 'node:path';

/** Of the file that tells the digest of this one. */
export function checksumName(name: string): string {
  return `${name}.sha256`;
}

export function checksumText(name: string, sha256: string): string {
  return `${sha256}  ${basename(name)}\n`;
}
