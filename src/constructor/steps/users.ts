/** The manifest's users: their groups, password hashes, SSH keys and what sudo allows them. */
import type { DiskInputs } from '../../manifest/installation-manifest.ts';
import { counted } from '../../system/counted.ts';
import { PvmcError } from '../../system/error.ts';
import type { Context, Step } from '../step.ts';

type User = DiskInputs['appliance']['users'][number];

export const users: Step = {
  name: 'users',
  title: 'Add the users',
  plan: ({ appliance }) =>
    appliance.users.map((user) => {
      const keys = user['ssh-keys'].length;
      const parts = [
        `useradd ${user.name}`,
        user['password-hash'] === undefined ? 'no password' : 'the password of the hash',
        counted(keys, 'SSH key'),
        ...(user.groups.length > 0 ? [`groups ${user.groups.join(' ')}`] : []),
        `sudo: ${user.sudo}`,
      ];
      return parts.join(', ');
    }),
  async run(context) {
    for (const user of context.manifest.appliance.users) {
      if (user.name !== 'root') await addUser(context, user);
      await setPassword(context, user);
      await authoriseKeys(context, user);
      await allowSudo(context, user);
    }
  },
};

async function addUser(context: Context, user: User): Promise<void> {
  for (const group of user.groups) {
    await context.runInRoot(['groupadd', '--force', group]);
  }
  const joined = [...user.groups, ...(user.sudo === 'password' ? ['sudo'] : [])];
  const groups = joined.length > 0 ? ['--groups', joined.join(',')] : [];
  const settings = ['--shell', user.shell, ...groups, user.name];
  const { status, stderr } = await context.runInRoot(['useradd', '--create-home', ...settings], {
    accept: [0, 9],
  });
  // 9: the name is taken, by a package's own user for instance, or by this very step before.
  if (status !== 9) return;
  if (!context.workspace.repeated) throw nameTaken(user.name, stderr);
  await context.runInRoot(['usermod', ...settings]);
}

async function setPassword(context: Context, user: User): Promise<void> {
  const hash = user['password-hash'];
  if (hash === undefined) return;
  await context.runInRoot(['chpasswd', '--encrypted'], { input: `${user.name}:${hash}\n` });
}

async function authoriseKeys(context: Context, user: User): Promise<void> {
  const keys = user['ssh-keys'];
  if (keys.length === 0) return;
  const home = user.name === 'root' ? '/root' : `/home/${user.name}`;
  const own = ['--owner', user.name, '--group', user.name];
  await context.runInRoot(['install', '-d', '--mode', '0700', ...own, `${home}/.ssh`]);
  const file = `${home}/.ssh/authorized_keys`;
  await context.runInRoot(['install', '--mode', '0600', ...own, '/dev/null', file]);
  await fill(context, file, `${keys.join('\n')}\n`);
}

async function allowSudo(context: Context, user: User): Promise<void> {
  if (user.sudo !== 'passwordless') return;
  // sudo ignores files whose name has a dot.
  const file = `/etc/sudoers.d/${user.name.replaceAll('.', '_')}`;
  const rule = `${user.name} ALL=(ALL:ALL) NOPASSWD: ALL\n`;
  await context.runInRoot(['install', '--mode', '0440', '/dev/null', file]);
  await fill(context, file, rule);
  await context.runInRoot(['visudo', '--check', '--quiet', '--file', file]);
}

/**
 * Writes into an empty file that has its owner and mode already. `install` cannot do both: it would open
 * /dev/stdin by name, and what a program of ours reads from is a socket, which has none.
 */
async function fill(context: Context, path: string, content: string): Promise<void> {
  await context.runInRoot(['dd', 'status=none', `of=${path}`], { input: content });
}

function nameTaken(name: string, said: string): PvmcError {
  return new PvmcError({
    kind: 'construct',
    code: 'user-exists',
    message: `a user or a group ${name} exists already: one of the packages has made it`,
    details: [said],
    hint: 'Choose another name in the manifest’s users.',
  });
}
