/** Boots of an appliance with properties, for the tests of the program that personalises it. */

import { type Boot, type GuestRoot, guestRoot } from '../../src/constructor/testing/guest-root.ts';
import { temporaryFolder } from '../../src/constructor/testing/temporary-folder.ts';
import { guestProperties } from '../../src/manifest/declared-properties.ts';
import { manifestSchema } from '../../src/manifest/schema.ts';

const SHOP = { name: 'shop', version: '1.0', users: [{ name: 'ada' }] };

export const ALL = {
  properties: [
    'hostname',
    'network',
    'ssh-key',
    'password',
    { name: 'shop-title', type: 'string', default: 'My shop', 'max-length': 20 },
    { name: 'size', type: 'string', choices: ['small', 'large'], default: 'small' },
    { name: 'open', type: 'boolean', default: true },
    { name: 'workers', type: 'int', min: 1, max: 64, default: 4 },
    { name: 'api-token', type: 'password' },
  ],
};

export const DONE = 'var/lib/pvmc/personalised';
export const RECORD = 'var/lib/pvmc/personalisation';
export const VALUES = 'etc/pvmc/properties.env';
export const NETWORK = 'etc/systemd/network/70-properties.network';

/** One boot of an appliance with all the properties, in a root of its own. */
export async function bootWith(
  prepare: (guest: GuestRoot) => Promise<void>,
  look: (guest: GuestRoot, boot: Boot, folder: string) => Promise<void>,
  settings: object = ALL,
): Promise<void> {
  await using folder = await temporaryFolder();
  const manifest = manifestSchema.parse({ ...SHOP, ...settings });
  const guest = await guestRoot(folder.path, guestProperties(manifest));
  await prepare(guest);
  await look(guest, await guest.boot(), folder.path);
}

/** The outcome of each key that the record tells. */
export async function record(guest: GuestRoot): Promise<Record<string, string>> {
  const lines = ((await guest.read(RECORD)) ?? '')
    .split('\n')
    .filter((line) => line.includes(': '));
  return Object.fromEntries(lines.map((line) => line.split(/: (.*)/s).slice(0, 2)));
}
