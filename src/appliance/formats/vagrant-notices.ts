/** What keeps `vagrant up` from logging in to a box. A manifest may mean it so: it is told, not refused. */
import type { Manifest } from '../../manifest/schema.ts';

const USER = 'vagrant';

/**
 * The middles of the two keys that Vagrant knows the private halves of, RSA and (since 2.3.8) Ed25519: it
 * replaces them by one of its own at the first start.
 */
const KNOWN_KEYS = [
  'AAAAB3NzaC1yc2EAAAABIwAAAQEA6NF8iallvQVp22WDkTkyrtvp9eWW6A8YVr',
  'AAAAC3NzaC1lZDI1NTE5AAAAIN1YdxBpNlzxDqfJyw/QKow1F+wvG9hXGoqiysfJOn5Y',
];

/** Sentences for a person; none when the manifest asks for no box. */
export function vagrantNotices(manifest: Manifest): readonly string[] {
  const boxes = manifest.exports.filter((format) => format.startsWith('vagrant-'));
  if (boxes.length === 0) return [];
  const missing = [...missingOfUser(manifest), ...missingOfSystem(manifest)];
  if (missing.length === 0) return [];
  return [
    `vagrant up will not get into the ${boxes.length === 1 ? 'box' : 'boxes'}: ${missing.join('; ')}. ` +
      'examples/vagrant shows what a box needs.',
  ];
}

function missingOfUser({ users }: Manifest): readonly string[] {
  const user = users.find(({ name }) => name === USER);
  if (!user) return [`the manifest has no user "${USER}"`];
  const missing: string[] = [];
  const isKnown = (key: string) => KNOWN_KEYS.some((known) => key.includes(known));
  if (!user['ssh-keys'].some(isKnown)) {
    missing.push(`the user "${USER}" has none of Vagrant's insecure keys`);
  }
  if (user.sudo !== 'passwordless') {
    missing.push(`the user "${USER}" has no passwordless sudo`);
  }
  return missing;
}

function missingOfSystem({ packages, machine }: Manifest): readonly string[] {
  const missing: string[] = [];
  if (!packages.includes('openssh-server')) {
    missing.push('the package openssh-server is not listed');
  }
  if (machine.network === 'none') missing.push('the machine has no network card');
  return missing;
}
