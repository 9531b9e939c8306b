/**
 * The manifest's repository as apt sources. The same stanzas, but for the places of the keys, serve
 * the host that resolves the packages and the appliance that keeps the sources.
 */
import type { Manifest } from '../manifest/schema.ts';

export type RepositorySettings = Manifest['repository'];

/** Where Debian keeps its archive's keys, on the host and in the appliance (debian-archive-keyring). */
export const DEBIAN_KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';

export interface AptSource {
  readonly url: string;
  readonly suites: readonly string[];
  /** Empty for a flat repository, whose suite is then a path that ends with a slash. */
  readonly components: readonly string[];
  /** The absolute path of a keyring, or an armored public key. */
  readonly signedBy: string;
}

/** Who signs what: Debian's archive, and each extra repository in the manifest's order. */
export interface SourceKeys {
  readonly archive: string;
  readonly extra: readonly string[];
}

/** The sources that a manifest asks for; of equal versions apt takes the first source's. */
export function aptSourcesOf(repository: RepositorySettings, keys: SourceKeys): AptSource[] {
  const { suite, components } = repository;
  const debian = { components, signedBy: keys.archive };
  const suites = repository.updates ? [suite, `${suite}-updates`] : [suite];
  const sources: AptSource[] = [{ ...debian, url: repository.mirror, suites }];
  if (repository.security !== false) {
    sources.push({ ...debian, url: repository.security, suites: [`${suite}-security`] });
  }
  for (const [index, extra] of repository.extra.entries()) {
    const signedBy = keys.extra[index];
    if (signedBy === undefined) throw new TypeError(`no key for the extra source ${extra.url}`);
    sources.push({ url: extra.url, suites: [extra.suite], components: extra.components, signedBy });
  }
  return sources;
}

/** What the appliance keeps, so that its users can install and update packages. */
export interface ApplianceSources {
  readonly text: string;
  /** In the order of `repository.extra`: each key's path in the appliance, and the armored key. */
  readonly keyrings: readonly { readonly path: string; readonly armored: string }[];
}

export function applianceSources(
  repository: RepositorySettings,
  armoredKeys: readonly string[],
): ApplianceSources {
  const keyrings = armoredKeys.map((armored, index) => ({
    path: `/etc/apt/keyrings/extra-${index + 1}.asc`,
    armored,
  }));
  const keys = { archive: DEBIAN_KEYRING, extra: keyrings.map(({ path }) => path) };
  return { text: aptSourcesText(aptSourcesOf(repository, keys)), keyrings };
}

/** The sources in apt's deb822 style. */
export function aptSourcesText(sources: readonly AptSource[]): string {
  return sources.map(stanza).join('\n');
}

function stanza(source: AptSource): string {
  const fields = [
    ['Types', 'deb'],
    ['URIs', source.url],
    ['Suites', source.suites.join(' ')],
    ['Components', source.components.join(' ')],
    ['Architectures', 'amd64'],
    ['Signed-By', continued(source.signedBy)],
  ] as const;
  const filled = fields.filter(([, value]) => value !== '');
  return filled.map(([name, value]) => `${name}: ${value}\n`).join('');
}

/** A value of several lines as deb822 has it: below the field's name, indented, `.` for a blank one. */
function continued(value: string): string {
  const lines = value.trimEnd().split(/\r?\n/);
  if (lines.length === 1) return value;
  return ['', ...lines.map((line) => ` ${line.trim() === '' ? '.' : line}`)].join('\n');
}
