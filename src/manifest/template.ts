/** What `pvmc init` writes: a first manifest that builds as it is, with the next things to say as comments. */

export interface TemplateValues {
  /** A valid name for an appliance; see `applianceNameOf`. */
  readonly name: string;
  /** Path or URL of appliance.schema.json, for editors. */
  readonly schema: string;
}

/** A name for the appliance that is like the folder's; `appliance` when nothing of it can be used. */
export function applianceNameOf(folder: string): string {
  const base = folder.split('/').findLast((part) => part !== '' && part !== '.') ?? '';
  const words = base
    .normalize('NFKD')
    .toLowerCase()
    .replaceAll(/\p{M}/gu, '')
    .replaceAll(/[^a-z0-9]+/g, '-');
  return words.slice(0, 63).replaceAll(/^-+|-+$/g, '') || 'appliance';
}

/** The text of a first appliance.yaml. */
export function manifestTemplate({ name, schema }: TemplateValues): string {
  return `# yaml-language-server: $schema=${schema}
#
# An appliance for pvmc. Build it with: pvmc build FOLDER
# What is commented out shows what else can be said; docs/manifest.md has all of it.

name: ${name}
version: "1.0.0"
description: A first appliance
# vendor:
#   name: Example GmbH
#   url: https://example.org/

# The machine that users get.
machine:
  memory: 1 GiB
  cpus: 2
  disk: 8 GiB
  # firmware: uefi

# Debian 13 is the default.
# repository:
#   suite: trixie
#   components: [main, contrib]

# The kernel, the boot loader, systemd and the network come by themselves.
packages:
  - openssh-server

# hostname: ${name}.example.org
# locale: en_US.UTF-8
# timezone: Europe/Berlin
# keyboard: gb

# Nobody can log in until a user has an SSH key or a password hash.
users:
  - name: admin
    # The line of a .pub file:
    # ssh-keys:
    #   - ssh-ed25519 AAAA… you@example.org
    # The output of: mkpasswd --method=yescrypt
    # password-hash: $y$j9T$…
    # Needs sudo among the packages:
    # sudo: passwordless

# network:
#   address: 192.168.1.10/24
#   gateway: 192.168.1.1
#   dns: [192.168.1.1]

# services:
#   apt-daily.timer: off

# What users may say when they import it, and it does at its first boot.
# properties: [hostname, network, ssh-key]

# Files come from here, or from beside this manifest.
files:
  - path: /etc/motd
    content: |
      This is ${name}.
  # - path: /var/www/html
  #   source: site
  #   owner: www-data:www-data

# Scripts run as root in the finished system, before its first boot: no service is running.
# scripts:
#   - name: Say hello
#     run: echo hello

# What must be true of the appliance once it has booted.
checks:
  - port: 22
  # - command: systemctl is-active ssh
  # - http: http://localhost/
  #   contains: Hello

# exports: [ova, qcow2]
# budget: { export: 500 MiB } # a build that becomes larger fails

# Deadlines of the build, for scripts that take long.
# timeouts: { construct: 2 h }
`;
}
