/**
 * Keys that each copy of an appliance must have for itself. They are removed here, and made at the
 * copy's first boot: that is known by the missing keys. To systemd it is no first boot, since at one of
 * those it would switch services on and off by its presets, whatever the manifest says.
 */
import { existsSync } from 'node:fs';
import { mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** A `*` stands for the files of its folder that match. */
export const RENEWED_PATHS: readonly string[] = [
  'etc/ssh/ssh_host_*',
  'etc/ssl/private/ssl-cert-snakeoil.key',
  'etc/ssl/certs/ssl-cert-snakeoil.pem',
];

/** Path of a program or unit that a package brings → what then goes into the appliance. */
const RENEWALS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  // Debian's unit has the right command and, as its condition, a first boot.
  'usr/lib/systemd/system/sshd-keygen.service': {
    // An empty condition takes back all conditions.
    'etc/systemd/system/sshd-keygen.service.d/missing-keys.conf': [
      '[Unit]',
      'ConditionFirstBoot=',
      'ConditionPathIsReadWrite=/etc/ssh',
      'ConditionPathExistsGlob=!/etc/ssh/ssh_host_*_key',
      '',
    ].join('\n'),
  },
  // The package ssl-cert makes its key when it is installed; PostgreSQL, for one, is set up to use it.
  'usr/sbin/make-ssl-cert': {
    'etc/systemd/system/ssl-cert-snakeoil.service': [
      '[Unit]',
      'Description=Make this machine’s own snakeoil certificate',
      'DefaultDependencies=no',
      'ConditionPathExists=!/etc/ssl/private/ssl-cert-snakeoil.key',
      'After=local-fs.target',
      'Before=basic.target shutdown.target',
      'Conflicts=shutdown.target',
      '',
      '[Service]',
      'Type=oneshot',
      'RemainAfterExit=yes',
      'ExecStart=/usr/sbin/make-ssl-cert generate-default-snakeoil --force-overwrite',
      '',
    ].join('\n'),
  },
};

/** Units above that something has to start: link → target. */
const LINKS: Readonly<Record<string, string>> = {
  'etc/systemd/system/ssl-cert-snakeoil.service':
    'etc/systemd/system/basic.target.wants/ssl-cert-snakeoil.service',
};

/** Sees to it that each copy makes what `RENEWED_PATHS` took away, for the packages that are there. */
export async function renewIdentity(root: string): Promise<void> {
  for (const [needs, files] of Object.entries(RENEWALS)) {
    if (!existsSync(join(root, needs))) continue;
    for (const [path, text] of Object.entries(files)) {
      await mkdir(join(root, dirname(path)), { recursive: true });
      await writeFile(join(root, path), text);
      const link = LINKS[path];
      if (link === undefined) continue;
      await mkdir(join(root, dirname(link)), { recursive: true });
      await rm(join(root, link), { force: true });
      await symlink(`/${path}`, join(root, link));
    }
  }
}
