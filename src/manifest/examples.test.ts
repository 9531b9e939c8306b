/** Every example is read, and everything it takes from beside it is found. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { readPayload } from './payload.ts';
import { readManifest } from './read.ts';

const folder = fileURLToPath(new URL('../../examples', import.meta.url));
const names = (await readdir(folder, { withFileTypes: true }))
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name);

test('there are the examples that the documentation speaks of', () => {
  expect(names.toSorted()).toEqual([
    'database',
    'everywhere',
    'hello',
    'vagrant',
    'web',
    'welcome',
  ]);
});

describe.each(names)('the example %s', (name) => {
  test('is right, named like its folder, and all its files are there', async () => {
    const file = await readManifest(`${folder}/${name}`);
    expect(file.manifest.name).toBe(name);
    expect((await readPayload(file)).problems).toEqual([]);
  });

  test('has checks, a README and the line that editors look for', async () => {
    const { manifest, text } = await readManifest(`${folder}/${name}`);
    expect(manifest.checks.length).toBeGreaterThan(0);
    const [, schema] = /^# yaml-language-server: \$schema=(\S+)\n/.exec(text) ?? [];
    expect((await stat(`${folder}/${name}/${schema}`)).isFile()).toBe(true);
    expect(await readFile(`${folder}/${name}/README.md`, 'utf8')).toContain(`examples/${name}`);
  });

  test('ships no password and no key that somebody knows', async () => {
    const { manifest } = await readManifest(`${folder}/${name}`);
    for (const user of manifest.users) {
      expect(user).not.toHaveProperty('password-hash');
      // Vagrant's are known to everybody, and replaced when a box is first started.
      const keys =
        name === 'vagrant'
          ? [
              /^ssh-rsa .* vagrant insecure public key$/,
              /^ssh-ed25519 .* vagrant insecure public key$/,
            ]
          : [];
      expect(user['ssh-keys']).toEqual(keys.map((key) => expect.stringMatching(key)));
    }
  });
});

test('everywhere goes to each kind of hypervisor, within a budget', async () => {
  const { manifest } = await readManifest(`${folder}/everywhere`);
  expect(manifest.exports).toEqual(
    expect.arrayContaining(['ova', 'ova-vmware', 'qcow2', 'proxmox', 'hyper-v', 'vhd']),
  );
  expect(manifest.exports.filter((format) => format.startsWith('vagrant-'))).toHaveLength(2);
  expect(manifest.budget).toBeDefined();
});

test('the site of web keeps its place and its owner', async () => {
  const { payload } = await readPayload(await readManifest(`${folder}/web`));
  expect(payload.files.map(({ path, owner, mode }) => `${mode} ${owner} ${path}`)).toEqual([
    '0644 deploy:www-data /srv/www/index.html',
    '0644 deploy:www-data /srv/www/not-found.html',
    '0644 deploy:www-data /srv/www/style.css',
    '0644 root:root /etc/nginx/sites-available/default',
    '0600 root:root /etc/ssh/sshd_config.d/keys-only.conf',
  ]);
});
