/**
 * Removes what must not be the same in two copies of an appliance (identity, keys, seeds) and what the
 * construction left behind (logs, caches, lists). Whatever differs from run to run ends here too.
 */
import { readdir, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { RENEWED_PATHS, renewIdentity } from '../renewed-identity.ts';
import type { Step } from '../step.ts';
import { CONSTRUCTION_DPKG_CONFIGURATION, POLICY_FILE } from './bootstrap.ts';

/** Removed when they are there. A name with a `*` stands for the files of its folder that match. */
const REMOVED = [
  POLICY_FILE,
  CONSTRUCTION_DPKG_CONFIGURATION,
  ...RENEWED_PATHS,
  'etc/passwd-',
  'etc/group-',
  'etc/shadow-',
  'etc/gshadow-',
  'etc/subuid-',
  'etc/subgid-',
  'etc/.pwd.lock',
  'var/lib/systemd/random-seed',
  'var/lib/systemd/credential.secret',
  'var/lib/dbus/machine-id',
  'var/lib/dhcp/*',
  'var/lib/apt/lists/*',
  'var/cache/apt/*.bin',
  'var/cache/apt/archives/*',
  'var/cache/debconf/*-old',
  'var/cache/ldconfig/aux-cache',
  'var/lib/dpkg/*-old',
  'var/lib/dpkg/lock*',
  'var/lib/dpkg/triggers/Lock',
  'root/.bash_history',
  'root/.lesshst',
];

/** Emptied, kept with their owners and modes: their programs expect them. */
const EMPTIED = ['var/log'];

export const clean: Step = {
  name: 'clean',
  title: 'Remove identity, logs and caches',
  plan: () => [
    'emptied: /etc/machine-id, /var/log',
    `removed: ${REMOVED.map((path) => `/${path}`).join(' ')}`,
  ],
  async run(context) {
    const { root } = context.workspace;
    for (const pattern of REMOVED) await removeMatching(root, pattern);
    for (const folder of EMPTIED) await emptyFiles(join(root, folder));
    // Empty, not absent: systemd then makes one at each copy's first boot.
    await writeFile(join(root, 'etc/machine-id'), '');
    await renewIdentity(root);
  },
};

async function removeMatching(root: string, pattern: string): Promise<void> {
  const slash = pattern.lastIndexOf('/');
  const folder = join(root, pattern.slice(0, slash));
  const name = pattern.slice(slash + 1);
  if (!name.includes('*')) return rm(join(root, pattern), { recursive: true, force: true });
  const [before = '', after = ''] = name.split('*');
  for (const entry of await readdir(folder).catch(() => [])) {
    if (entry.startsWith(before) && entry.endsWith(after)) {
      await rm(join(folder, entry), { recursive: true, force: true });
    }
  }
}

async function emptyFiles(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) await emptyFiles(path);
    else if (entry.isFile()) await truncate(path);
  }
}
