/** What apt prints about packages, read into data. */
import { PvmcError } from '../system/error.ts';

/** A package's file, as `apt-get --print-uris` names it. */
export interface PackageFile {
  readonly url: string;
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
  readonly sizeBytes: number;
  readonly sha256: string;
}

/** `'URL' NAME_VERSION_ARCHITECTURE.deb SIZE SHA256:HEX`, a colon in the version as `%3a`. */
const URI_LINE = /^'(.+)' ([^\s_]+)_([^\s_]+)_([^\s_]+)\.deb (\d+) SHA256:([0-9a-f]{64})$/;

/** The files of `--print-uris`, in the order in which apt would unpack them. */
export function parseUris(output: string): PackageFile[] {
  return output
    .split('\n')
    .filter((line) => line.startsWith("'"))
    .map(parseUri);
}

function parseUri(line: string): PackageFile {
  const [, url, name, version, architecture, size, sha256] = URI_LINE.exec(line) ?? [];
  if (!url || !name || !version || !architecture || !size || !sha256) {
    throw new PvmcError({
      kind: 'repository',
      code: 'index-without-sha256',
      message: "the repository's index lacks the SHA256 of a package file",
      details: [line],
      hint: 'The repository must be rebuilt with SHA256 in its Packages and Release files.',
    });
  }
  const decoded = decodeURIComponent(version);
  return { url, name, version: decoded, architecture, sizeBytes: Number(size), sha256 };
}

/** The fields of one package in the index, by their names. */
export type PackageRecord = ReadonlyMap<string, string>;

/** Reads `apt-cache show`: stanzas of fields, of which continuation lines are left out. */
export function parseRecords(output: string): PackageRecord[] {
  return output
    .split(/\n\n+/)
    .filter((stanza) => stanza.trim() !== '')
    .map((stanza) => new Map([...stanza.matchAll(/^([\w-]+):[ \t]*(.*)$/gm)].map(pair)));
}

function pair([, name = '', value = '']: RegExpExecArray): [string, string] {
  return [name, value.trim()];
}
