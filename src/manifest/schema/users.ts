/** `users`: people who may log in. */
import { z } from 'zod';
import { rule, type TextCheck, text, unique } from '../field.ts';
import { passwordHash, sshKey } from '../formats/credentials.ts';
import { ACCOUNT_NAME, groupName, userName } from '../formats/names.ts';
import { absolutePath } from '../formats/paths.ts';
import { rootIsPlain } from '../rules.ts';

const shell: TextCheck = (path) => {
  const complaint = absolutePath(path);
  return complaint && /^[a-z]+$/.test(path)
    ? { ...complaint, hint: `did you mean /bin/${path}?` }
    : complaint;
};

export const userSchema = z
  .strictObject({
    name: text(userName).meta({
      description: 'The login name. For root, only a password hash and SSH keys can be said.',
      pattern: ACCOUNT_NAME.source,
      examples: ['ada'],
    }),
    'password-hash': text(passwordHash)
      .meta({
        description:
          'The crypt(3) hash of the password, as `mkpasswd --method=yescrypt` or `openssl passwd -6` print it. ' +
          'Without it the password is locked. Everybody who has the appliance can read the hash. It is on ' +
          "the PVMC ISO and in the copy of the manifest in the build's folder as well; only their owner can read these two.",
        examples: ['$y$j9T$…'],
      })
      .optional(),
    'ssh-keys': z
      .array(text(sshKey))
      .check(unique('a key'))
      .meta({
        description: 'SSH public keys that may log in: the lines of `.pub` files.',
        examples: [['ssh-ed25519 AAAA… ada@example.org']],
      })
      .default([]),
    groups: z
      .array(text(groupName))
      .check(unique('the group'))
      .meta({
        description: "Groups besides the user's own. Those that do not exist are made.",
        examples: [['adm', 'www-data']],
      })
      .default([]),
    sudo: z
      .enum(['none', 'password', 'passwordless'])
      .meta({
        description:
          'Whether the user may become root with `sudo`, and whether it asks for the password. Needs the package `sudo`.',
        examples: ['passwordless'],
      })
      .default('none'),
    shell: text(shell)
      .meta({ description: 'The login shell.', examples: ['/usr/bin/zsh'] })
      .default('/bin/bash'),
  })
  .check(rule(rootIsPlain));
