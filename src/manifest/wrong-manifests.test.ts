/** What users see of each thing that can be wrong with a manifest, word for word. */
import { describe, expect, test } from 'vitest';
import { ManifestError } from './problem.ts';
import { parseManifest } from './read.ts';

/** The complaints about a whole file. */
function about(text: string | Uint8Array): string {
  const bytes = typeof text === 'string' ? new TextEncoder().encode(text) : text;
  try {
    parseManifest('appliance.yaml', bytes);
  } catch (error) {
    if (error instanceof ManifestError) return error.details.join('\n');
    throw error;
  }
  return 'nothing is wrong';
}

/** The complaints about a manifest that is right but for these lines; they begin on line 3. */
function having(lines: string): string {
  return about(`name: demo\nversion: "1.0"\n${lines}\n`);
}

test('a manifest with nothing but a name and a version is right', () => {
  expect(having('')).toBe('nothing is wrong');
});

describe('the file as YAML', () => {
  test('an empty file', () => {
    expect(about('')).toMatchInlineSnapshot(`
      "appliance.yaml:1:1: the manifest is empty
        hint: pvmc init writes a first manifest to start from"
    `);
  });

  test('nothing but comments', () => {
    expect(
      about(`# name: demo
`),
    ).toMatchInlineSnapshot(`
      "appliance.yaml:1:1: the manifest is empty
        1 | # name: demo
          | ^
        hint: pvmc init writes a first manifest to start from"
    `);
  });

  test('a list', () => {
    expect(
      about(`- name: demo
`),
    ).toMatchInlineSnapshot(`
      "appliance.yaml:1:1: expected keys with values, found a list
        1 | - name: demo
          | ^"
    `);
  });

  test('a text', () => {
    expect(
      about(`demo
`),
    ).toMatchInlineSnapshot(`
      "appliance.yaml:1:1: expected keys with values, found the text "demo"
        1 | demo
          | ^"
    `);
  });

  test('a tab for indentation', () => {
    expect(
      having(`machine:
	cpus: 2`),
    ).toMatchInlineSnapshot(`
      "appliance.yaml:4:1: a tab cannot indent a line in YAML
        4 |  cpus: 2
          | ^
        hint: use spaces"
    `);
  });

  test('two documents', () => {
    expect(
      having(`---
name: other`),
    ).toMatchInlineSnapshot(`
      "appliance.yaml:3:1: the file has more than one document; a manifest is one
        3 | ---
          | ^
        hint: remove what begins with this line of dashes"
    `);
  });

  test('a key given twice', () => {
    expect(
      having(`locale: C.UTF-8
locale: de_DE.UTF-8`),
    ).toMatchInlineSnapshot(`
      "appliance.yaml:4:1: the key "locale" is given twice
        4 | locale: de_DE.UTF-8
          | ^
        hint: the first one is on line 3"
    `);
  });

  test('a key given twice, deep inside', () => {
    expect(
      having(`users:
  - name: ada
    shell: /bin/sh
    name: eve`),
    ).toMatchInlineSnapshot(`
      "appliance.yaml:6:5: the key "name" is given twice
        6 |     name: eve
          |     ^
        hint: the first one is on line 4"
    `);
  });

  test('a colon in a text', () => {
    expect(having('description: Web: the shop')).toMatchInlineSnapshot(`
      "appliance.yaml:3:14: a line can hold only one "key: value"
        3 | description: Web: the shop
          |              ^
        hint: put a text that has special characters in it in quotes"
    `);
  });

  test('an open quote', () => {
    expect(
      having(`description: "the shop
locale: C.UTF-8`),
    ).toMatchInlineSnapshot(`
      "appliance.yaml:3:14: the quote that begins here has no end
        3 | description: "the shop
          |              ^"
    `);
  });

  test('an open bracket', () => {
    expect(
      having(`packages: [nginx, openssh-server
locale: C.UTF-8`),
    ).toMatchInlineSnapshot(`
      "appliance.yaml:4:1: a list that begins above has no closing bracket: ]
        4 | locale: C.UTF-8
          | ^"
    `);
  });

  test('crooked indentation', () => {
    expect(
      having(`machine:
    cpus: 2
  memory: 2 GiB`),
    ).toMatchInlineSnapshot(`
      "appliance.yaml:5:3: the line is indented neither like the one above nor like its parent
        5 |   memory: 2 GiB
          |   ^
        hint: keys that belong together begin in the same column"
    `);
  });

  test('a text that begins with a special character', () => {
    expect(having('description: @home')).toMatchInlineSnapshot(`
      "appliance.yaml:3:14: plain value cannot start with reserved character @
        3 | description: @home
          |              ^
        hint: put a text that has special characters in it in quotes"
    `);
  });

  test('a tag', () => {
    expect(having('description: !secret x')).toMatchInlineSnapshot(`
      "appliance.yaml:3:14: a tag (!name) means nothing in a manifest
        3 | description: !secret x
          |              ^
        hint: put a text that has special characters in it in quotes"
    `);
  });

  test('a reference to nothing', () => {
    expect(having('packages: *common')).toMatchInlineSnapshot(`
      "appliance.yaml:3:11: *common refers to a part of the file that is not there
        3 | packages: *common
          |           ^
        hint: mark the part with &common first, or put the text in quotes"
    `);
  });

  test('a bomb of references', () => {
    expect(
      having(`description: &a [x, x, x, x, x, x, x, x, x, x]
vendor: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a, *a]
locale: [*b, *b, *b, *b, *b, *b, *b, *b, *b, *b]`),
    ).toMatchInlineSnapshot(`
      "appliance.yaml:1:1: the file refers to its own parts (*name) too often or in a circle
        1 | name: demo
          | ^
        hint: write the parts out"
    `);
  });
});

describe('keys and kinds of values', () => {
  test('neither name nor version', () => {
    expect(
      about(`description: demo
`),
    ).toMatchInlineSnapshot(`
      "appliance.yaml:1:1: name is missing
        1 | description: demo
          | ^
        hint: e.g. name: shop

      appliance.yaml:1:1: version is missing
        1 | description: demo
          | ^
        hint: e.g. version: 1.0.0"
    `);
  });

  test('an unknown key', () => {
    expect(having('package: [nginx]')).toMatchInlineSnapshot(`
      "appliance.yaml:3:1: package is not a known key
        3 | package: [nginx]
          | ^
        hint: did you mean packages?"
    `);
  });

  test('a key under the wrong parent', () => {
    expect(having('memory: 2 GiB')).toMatchInlineSnapshot(`
      "appliance.yaml:3:1: memory is not a known key
        3 | memory: 2 GiB
          | ^
        hint: did you mean memory under machine?"
    `);
  });

  test('a key of the manifest under another', () => {
    expect(
      having(`machine:
  packages: [nginx]`),
    ).toMatchInlineSnapshot(`
      "appliance.yaml:4:3: machine.packages is not a known key
        4 |   packages: [nginx]
          |   ^
        hint: packages is a key of the manifest itself: do not indent it"
    `);
  });

  test('a key from elsewhere', () => {
    expect(
      having(`machine:
  ram: 2 GiB`),
    ).toMatchInlineSnapshot(`
      "appliance.yaml:4:3: machine.ram is not a known key
        4 |   ram: 2 GiB
          |   ^
        hint: did you mean memory?"
    `);
  });

  test('a key nobody knows', () => {
    expect(
      having(`vendor:
  name: Example
  stock-price: 3`),
    ).toMatchInlineSnapshot(`
      "appliance.yaml:5:3: vendor.stock-price is not a known key
        5 |   stock-price: 3
          |   ^
        hint: known here: name, url"
    `);
  });

  test('a key without a value', () => {
    expect(having('packages:')).toMatchInlineSnapshot(`
      "appliance.yaml:3:1: packages has no value
        3 | packages:
          | ^
        hint: write one, or remove the line"
    `);
  });

  test('a version that YAML reads as a number', () => {
    expect(
      about(`name: demo
version: 1.10
`),
    ).toMatchInlineSnapshot(`
      "appliance.yaml:2:10: version: expected a text, found the number 1.1
        2 | version: 1.10
          |          ^
        hint: without quotes YAML reads a number; write "1.10""
    `);
  });

  test('a text for a list', () => {
    expect(having('packages: nginx')).toMatchInlineSnapshot(`
      "appliance.yaml:3:11: packages: expected a list, found the text "nginx"
        3 | packages: nginx
          |           ^
        hint: write a list: packages: [nginx]"
    `);
  });

  test('a mapping for a list', () => {
    expect(
      having(`packages:
  nginx: on`),
    ).toMatchInlineSnapshot(`
      "appliance.yaml:3:1: packages: expected a list, found keys with values
        3 | packages:
          | ^"
    `);
  });

  test('a number in a list of texts', () => {
    expect(having('packages: [nginx, 7]')).toMatchInlineSnapshot(`
      "appliance.yaml:3:19: packages[1]: expected a text, found the number 7
        3 | packages: [nginx, 7]
          |                   ^
        hint: without quotes YAML reads a number; write "7""
    `);
  });

  test('a list for a text', () => {
    expect(having('hostname: [a, b]')).toMatchInlineSnapshot(`
      "appliance.yaml:3:11: hostname: expected a text, found a list
        3 | hostname: [a, b]
          |           ^"
    `);
  });

  test('a text for keys with values', () => {
    expect(having('vendor: Example GmbH')).toMatchInlineSnapshot(`
      "appliance.yaml:3:9: vendor: expected keys with values, found the text "Example GmbH"
        3 | vendor: Example GmbH
          |         ^"
    `);
  });

  test('a text for a number', () => {
    expect(
      having(`machine:
  cpus: two`),
    ).toMatchInlineSnapshot(`
      "appliance.yaml:4:9: machine.cpus: expected a whole number, found the text "two"
        4 |   cpus: two
          |         ^"
    `);
  });

  test('a quoted number', () => {
    expect(
      having(`machine:
  cpus: "2"`),
    ).toMatchInlineSnapshot(`
      "appliance.yaml:4:9: machine.cpus: expected a whole number, found the text "2"
        4 |   cpus: "2"
          |         ^
        hint: write it without quotes: 2"
    `);
  });

  test('half a processor', () => {
    expect(
      having(`machine:
  cpus: 0.5`),
    ).toMatchInlineSnapshot(`
      "appliance.yaml:4:9: machine.cpus: expected a whole number, found the number 0.5
        4 |   cpus: 0.5
          |         ^"
    `);
  });

  test('yes for true', () => {
    expect(having('recommends: yes')).toMatchInlineSnapshot(`
      "appliance.yaml:3:13: recommends: expected true or false, found the text "yes"
        3 | recommends: yes
          |             ^
        hint: did you mean true?"
    `);
  });
});

describe('the appliance and its machine', () => {
  test('a name with capitals', () => {
    expect(
      about(`name: My Shop
version: "1"
`),
    ).toMatchInlineSnapshot(`
      "appliance.yaml:1:7: name: "My Shop" is not a name for an appliance
        1 | name: My Shop
          |       ^
        hint: use 1 to 63 lower-case letters, digits and dashes, with no dash at either end"
    `);
  });

  test('a version with a slash', () => {
    expect(
      about(`name: demo
version: v1/2
`),
    ).toMatchInlineSnapshot(`
      "appliance.yaml:2:10: version: "v1/2" is not a version
        2 | version: v1/2
          |          ^
        hint: use letters, digits and . + ~ - (at most 64), starting with a letter or digit, e.g. 1.0.0"
    `);
  });

  test('a vendor without a name', () => {
    expect(
      having(`vendor:
  url: https://example.org/`),
    ).toMatchInlineSnapshot(`
      "appliance.yaml:3:1: vendor.name is missing
        3 | vendor:
          | ^
        hint: e.g. name: Example GmbH"
    `);
  });

  test("a vendor's page that is no URL", () => {
    expect(
      having(`vendor:
  name: Example
  url: example.org`),
    ).toMatchInlineSnapshot(`
      "appliance.yaml:5:8: vendor.url: "example.org" is not a URL
        5 |   url: example.org
          |        ^
        hint: write it in full, with https:// at its beginning"
    `);
  });

  test('a size without a unit', () => {
    expect(
      having(`machine:
  disk: 20`),
    ).toMatchInlineSnapshot(`
      "appliance.yaml:4:9: machine.disk: expected a size, found the number 20
        4 |   disk: 20
          |         ^
        hint: write the unit too, e.g. 20 GiB"
    `);
  });

  test('a size that is none', () => {
    expect(
      having(`machine:
  memory: plenty`),
    ).toMatchInlineSnapshot(`
      "appliance.yaml:4:11: machine.memory: "plenty" is no size
        4 |   memory: plenty
          |           ^
        hint: write a number with its unit (MiB, GiB, MB, GB), e.g. 512 MiB"
    `);
  });

  test('too little memory', () => {
    expect(
      having(`machine:
  memory: 256 MiB`),
    ).toMatchInlineSnapshot(`
      "appliance.yaml:4:11: machine.memory: 256 MiB is too small; at least 512 MiB is needed
        4 |   memory: 256 MiB
          |           ^"
    `);
  });

  test('too large a disk', () => {
    expect(
      having(`machine:
  disk: 3 TiB`),
    ).toMatchInlineSnapshot(`
      "appliance.yaml:4:9: machine.disk: 3 TiB is too large; at most 2 TiB is possible
        4 |   disk: 3 TiB
          |         ^"
    `);
  });

  test('no processor', () => {
    expect(
      having(`machine:
  cpus: 0`),
    ).toMatchInlineSnapshot(`
      "appliance.yaml:4:9: machine.cpus: 0 is too small; at least 1 is needed
        4 |   cpus: 0
          |         ^"
    `);
  });

  test('too many processors', () => {
    expect(
      having(`machine:
  cpus: 65`),
    ).toMatchInlineSnapshot(`
      "appliance.yaml:4:9: machine.cpus: 65 is too large; at most 64 is possible
        4 |   cpus: 65
          |         ^"
    `);
  });

  test('an unknown firmware', () => {
    expect(
      having(`machine:
  firmware: efi`),
    ).toMatchInlineSnapshot(`
      "appliance.yaml:4:13: machine.firmware: "efi" is not one of bios and uefi
        4 |   firmware: efi
          |             ^
        hint: did you mean uefi?"
    `);
  });

  test('an unknown export', () => {
    expect(having('exports: [ova, ami]')).toMatchInlineSnapshot(`
      "appliance.yaml:3:16: exports[1]: "ami" is not one of ova, ova-vmware, ova-virtualbox, ovf, vmdk, vmdk-sparse, qcow2, raw, raw-zst, vhdx, hyper-v, vhd, vdi, vagrant-virtualbox, vagrant-libvirt and proxmox
        3 | exports: [ova, ami]
          |                ^"
    `);
  });

  test('no export', () => {
    expect(having('exports: []')).toMatchInlineSnapshot(`
      "appliance.yaml:3:10: exports is an empty list; at least one is needed
        3 | exports: []
          |          ^"
    `);
  });

  test('an export given twice', () => {
    expect(having('exports: [ova, ova]')).toMatchInlineSnapshot(`
      "appliance.yaml:3:16: exports[1]: the format "ova" is given twice
        3 | exports: [ova, ova]
          |                ^"
    `);
  });
});

describe('the repository', () => {
  test('a suite that is too old', () => {
    expect(
      having(`repository:
  suite: bookworm`),
    ).toMatchInlineSnapshot(`
      "appliance.yaml:4:10: repository.suite: "bookworm" is too old: verify hands its checks to the appliance as systemd credentials, which takes systemd 256
        4 |   suite: bookworm
          |          ^
        hint: write trixie, forky or sid"
    `);
  });

  test('a suite that moves', () => {
    expect(
      having(`repository:
  suite: stable`),
    ).toMatchInlineSnapshot(`
      "appliance.yaml:4:10: repository.suite: "stable" is another release as time goes by, so it cannot say what is built
        4 |   suite: stable
          |          ^
        hint: did you mean trixie?"
    `);
  });

  test('a suite that is misspelt', () => {
    expect(
      having(`repository:
  suite: trixy`),
    ).toMatchInlineSnapshot(`
      "appliance.yaml:4:10: repository.suite: "trixy" is not a suite that pvmc can build; it knows trixie, forky and sid
        4 |   suite: trixy
          |          ^
        hint: did you mean trixie?"
    `);
  });

  test('a suite of another distribution', () => {
    expect(
      having(`repository:
  suite: noble`),
    ).toMatchInlineSnapshot(`
      "appliance.yaml:4:10: repository.suite: "noble" is not a suite that pvmc can build; it knows trixie, forky and sid
        4 |   suite: noble
          |          ^
        hint: other suites lack systemd 256, whose credentials verify needs, or were never tried"
    `);
  });

  test('a mirror that is no URL', () => {
    expect(
      having(`repository:
  mirror: deb.debian.org`),
    ).toMatchInlineSnapshot(`
      "appliance.yaml:4:11: repository.mirror: "deb.debian.org" is not a URL
        4 |   mirror: deb.debian.org
          |           ^
        hint: write it in full, with https:// at its beginning"
    `);
  });

  test('a mirror with a password', () => {
    expect(
      having(`repository:
  mirror: https://joe:hunter2@example.org/debian`),
    ).toMatchInlineSnapshot(`
      "appliance.yaml:4:11: repository.mirror has a user name or password in it, which would end up in the appliance and its logs
        4 |   mirror: https://…@example.org/debian
          |           ^
        hint: use a URL that needs none"
    `);
  });

  test('no components', () => {
    expect(
      having(`repository:
  components: []`),
    ).toMatchInlineSnapshot(`
      "appliance.yaml:4:15: repository.components is an empty list; at least one is needed
        4 |   components: []
          |               ^"
    `);
  });

  test('security switched on', () => {
    expect(
      having(`repository:
  security: true`),
    ).toMatchInlineSnapshot(`
      "appliance.yaml:4:13: repository.security: expected a text or false, found true
        4 |   security: true
          |             ^"
    `);
  });

  test('a further repository without its key', () => {
    expect(
      having(`repository:
  extra:
    - url: https://example.org/debian
      suite: trixie
      components: [main]`),
    ).toMatchInlineSnapshot(`
      "appliance.yaml:5:7: repository.extra[0].key is missing
        5 |     - url: https://example.org/debian
          |       ^
        hint: e.g. key: keys/example.asc"
    `);
  });

  test('a further repository without components', () => {
    expect(
      having(`repository:
  extra:
    - url: https://example.org/debian
      suite: trixie
      key: example.asc`),
    ).toMatchInlineSnapshot(`
      "appliance.yaml:6:14: repository.extra[0].suite: a suite needs its components
        6 |       suite: trixie
          |              ^
        hint: add e.g. components: [main], or end the suite with a slash if it is a folder"
    `);
  });

  test("a key in somebody's home", () => {
    expect(
      having(`repository:
  extra:
    - url: https://example.org/debian
      suite: ./
      key: ~/example.asc`),
    ).toMatchInlineSnapshot(`
      "appliance.yaml:7:12: repository.extra[0].key: "~/example.asc" begins with ~, which only a shell understands
        7 |       key: ~/example.asc
          |            ^
        hint: write a path relative to the manifest, or an absolute one"
    `);
  });
});

describe('the signature', () => {
  test('without a certificate', () => {
    expect(having('signature: { key: vendor.key }')).toMatchInlineSnapshot(`
      "appliance.yaml:3:1: signature.certificate is missing
        3 | signature: { key: vendor.key }
          | ^
        hint: e.g. certificate: keys/vendor.pem"
    `);
  });

  test('by a key and a command', () => {
    const two = 'signature: { certificate: v.pem, key: v.key, command: [./sign] }';
    expect(having(two)).toMatchInlineSnapshot(`
      "appliance.yaml:3:55: signature.command: a signature is made by a key or by a command, not by both
        3 | signature: { certificate: v.pem, key: v.key, command: [./sign] }
          |                                                       ^"
    `);
  });

  test('by a command that is a line for a shell', () => {
    const line = 'signature: { certificate: v.pem, command: openssl dgst -sign x }';
    expect(having(line)).toMatchInlineSnapshot(`
      "appliance.yaml:3:43: signature.command: expected a list, found the text "openssl dgst -sign x"
        3 | signature: { certificate: v.pem, command: openssl dgst -sign x }
          |                                           ^
        hint: write a list: command: [openssl dgst -sign x]"
    `);
  });

  test('with a PIN in the manifest', () => {
    const pin =
      'signature: { certificate: v.pem, command: [openssl, "pkcs11:object=x;pin-value=1234"] }';
    expect(having(pin)).toMatchInlineSnapshot(`
      "appliance.yaml:3:53: signature.command[1]: holds a PIN, which is no secret in a manifest or in an argument
        3 | signature: { certificate: v.pem, command: [openssl, "pkcs11:object=x;pin-value=1234"] }
          |                                                     ^
        hint: write pin-source=file:/path/to/pin in its place"
    `);
  });
});

describe('packages and services', () => {
  test('a package with capitals', () => {
    expect(having('packages: [Nginx]')).toMatchInlineSnapshot(`
      "appliance.yaml:3:12: packages[0]: "Nginx" is not a package name
        3 | packages: [Nginx]
          |            ^
        hint: did you mean nginx?"
    `);
  });

  test('a package with a version', () => {
    expect(
      having(`packages:
  - nginx=1.26`),
    ).toMatchInlineSnapshot(`
      "appliance.yaml:4:5: packages[0]: "nginx=1.26" is not a package name
        4 |   - nginx=1.26
          |     ^
        hint: write the name alone; the version follows from the suite, the architecture is amd64"
    `);
  });

  test('two packages in one', () => {
    expect(
      having(`packages:
  - nginx openssh-server`),
    ).toMatchInlineSnapshot(`
      "appliance.yaml:4:5: packages[0]: "nginx openssh-server" is not a package name
        4 |   - nginx openssh-server
          |     ^
        hint: write one package a line, each with its own dash"
    `);
  });

  test('a package given twice', () => {
    expect(having('packages: [nginx, curl, nginx]')).toMatchInlineSnapshot(`
      "appliance.yaml:3:25: packages[2]: the package "nginx" is given twice
        3 | packages: [nginx, curl, nginx]
          |                         ^"
    `);
  });

  test('a service neither on nor off', () => {
    expect(
      having(`services:
  nginx: yes`),
    ).toMatchInlineSnapshot(`
      "appliance.yaml:4:10: services.nginx: "yes" is not one of on and off
        4 |   nginx: yes
          |          ^
        hint: did you mean on?"
    `);
  });

  test('a service with a path', () => {
    expect(
      having(`services:
  /usr/sbin/nginx: on`),
    ).toMatchInlineSnapshot(`
      "appliance.yaml:4:3: services: "/usr/sbin/nginx" is not the name of a service
        4 |   /usr/sbin/nginx: on
          |   ^
        hint: write a systemd unit, e.g. nginx, nginx.service or apt-daily.timer"
    `);
  });

  test('a service that is a template', () => {
    expect(
      having(`services:
  getty@.service: off`),
    ).toMatchInlineSnapshot(`
      "appliance.yaml:4:3: services: "getty@.service" is a template, not a service
        4 |   getty@.service: off
          |   ^
        hint: write the instance after the @, e.g. getty@tty2.service"
    `);
  });
});

describe('names, languages, places', () => {
  test('a host name with an underscore', () => {
    expect(having('hostname: web_1')).toMatchInlineSnapshot(`
      "appliance.yaml:3:11: hostname: "web_1" is not a host name
        3 | hostname: web_1
          |           ^
        hint: use letters, digits and dashes, no dash at either end; dots separate the parts of a full name"
    `);
  });

  test('a host name that is too long', () => {
    expect(
      having('hostname: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'),
    ).toMatchInlineSnapshot(`
      "appliance.yaml:3:11: hostname: "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa…" is too long for a host name (at most 64 characters)
        3 | hostname: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
          |           ^"
    `);
  });

  test('a locale without its character set', () => {
    expect(having('locale: de_AT')).toMatchInlineSnapshot(`
      "appliance.yaml:3:9: locale: "de_AT" is not a locale
        3 | locale: de_AT
          |         ^
        hint: did you mean de_AT.UTF-8?"
    `);
  });

  test('a locale that is a language', () => {
    expect(having('locale: german')).toMatchInlineSnapshot(`
      "appliance.yaml:3:9: locale: "german" is not a locale
        3 | locale: german
          |         ^
        hint: write language_COUNTRY.UTF-8, e.g. en_US.UTF-8, or C.UTF-8"
    `);
  });

  test('a time zone that is misspelt', () => {
    expect(having('timezone: Europe/Berlni')).toMatchInlineSnapshot(`
      "appliance.yaml:3:11: timezone: "Europe/Berlni" is not a time zone
        3 | timezone: Europe/Berlni
          |           ^
        hint: did you mean Europe/Berlin?"
    `);
  });

  test('a time zone in lower case', () => {
    expect(having('timezone: europe/berlin')).toMatchInlineSnapshot(`
      "appliance.yaml:3:11: timezone: "europe/berlin" is not a time zone
        3 | timezone: europe/berlin
          |           ^
        hint: did you mean Europe/Berlin?"
    `);
  });

  test('a time zone of old', () => {
    expect(having('timezone: US/Pacific')).toMatchInlineSnapshot(`
      "appliance.yaml:3:11: timezone: "US/Pacific" is not a time zone
        3 | timezone: US/Pacific
          |           ^
        hint: write the name with a city, e.g. America/New_York"
    `);
  });

  test("a keyboard by its country's other name", () => {
    expect(having('keyboard: uk')).toMatchInlineSnapshot(`
      "appliance.yaml:3:11: keyboard: "uk" is not a keyboard layout
        3 | keyboard: uk
          |           ^
        hint: did you mean gb?"
    `);
  });

  test('a keyboard nobody has', () => {
    expect(having('keyboard: klingon')).toMatchInlineSnapshot(`
      "appliance.yaml:3:11: keyboard: "klingon" is not a keyboard layout
        3 | keyboard: klingon
          |           ^
        hint: write an XKB layout, e.g. us, gb, de or fr"
    `);
  });
});

describe('users', () => {
  test('a user name with capitals', () => {
    expect(
      having(`users:
  - name: Ada`),
    ).toMatchInlineSnapshot(`
      "appliance.yaml:4:11: users[0].name: "Ada" is not a user name
        4 |   - name: Ada
          |           ^
        hint: use lower-case letters, digits, - and _ (at most 32), starting with a letter or _"
    `);
  });

  test('an account that Debian has', () => {
    expect(
      having(`users:
  - name: www-data`),
    ).toMatchInlineSnapshot(`
      "appliance.yaml:4:11: users[0].name: "www-data" is an account that every Debian system has already
        4 |   - name: www-data
          |           ^
        hint: choose another name"
    `);
  });

  test('a group that Debian has', () => {
    expect(
      having(`users:
  - name: operator`),
    ).toMatchInlineSnapshot(`
      "appliance.yaml:4:11: users[0].name: "operator" is a group that every Debian system has already
        4 |   - name: operator
          |           ^
        hint: choose another name"
    `);
  });

  test('a user given twice', () => {
    expect(
      having(`users:
  - name: ada
  - name: ada`),
    ).toMatchInlineSnapshot(`
      "appliance.yaml:5:11: users[1].name: the user "ada" is given twice
        5 |   - name: ada
          |           ^"
    `);
  });

  test('a password', () => {
    expect(
      having(`users:
  - name: ada
    password-hash: hunter2`),
    ).toMatchInlineSnapshot(`
      "appliance.yaml:5:20: users[0].password-hash is not a crypt(3) hash; a password itself must not be in a manifest
        5 |     password-hash: ********
          |                    ^
        hint: make a hash with: mkpasswd --method=yescrypt (package whois), or openssl passwd -6
              leave the key out for a user who logs in without a password only (SSH key)"
    `);
  });

  test('a password under a key of its own', () => {
    expect(
      having(`users:
  - name: ada
    password: hunter2`),
    ).toMatchInlineSnapshot(`
      "appliance.yaml:5:5: users[0].password is not a known key
        5 |     password: ********
          |     ^
        hint: did you mean password-hash?"
    `);
  });

  test('a password of digits', () => {
    expect(
      having(`users:
  - name: ada
    password-hash: 123456`),
    ).toMatchInlineSnapshot(`
      "appliance.yaml:5:20: users[0].password-hash: expected a text, found a number
        5 |     password-hash: ********
          |                    ^
        hint: make a hash with: mkpasswd --method=yescrypt (package whois), or openssl passwd -6
              leave the key out for a user who logs in without a password only (SSH key)"
    `);
  });

  test('a password hash that is too weak', () => {
    expect(
      having(`users:
  - name: ada
    password-hash: $1$salt$qJH7.N4xYta3aEG/dfqo/0`),
    ).toMatchInlineSnapshot(`
      "appliance.yaml:5:20: users[0].password-hash is a hash of a kind that is too easy to break
        5 |     password-hash: ********
          |                    ^
        hint: make a hash with: mkpasswd --method=yescrypt (package whois), or openssl passwd -6
              leave the key out for a user who logs in without a password only (SSH key)"
    `);
  });

  test('a password hash that was cut', () => {
    expect(
      having(`users:
  - name: ada
    password-hash: $y$j9T$F5Jx5fExrKuPp53xLKQ..1`),
    ).toMatchInlineSnapshot(`
      "appliance.yaml:5:20: users[0].password-hash is not a whole password hash; has part of it been lost in copying?
        5 |     password-hash: ********
          |                    ^
        hint: make a hash with: mkpasswd --method=yescrypt (package whois), or openssl passwd -6
              leave the key out for a user who logs in without a password only (SSH key)"
    `);
  });

  test('a lock for a password hash', () => {
    expect(
      having(`users:
  - name: ada
    password-hash: "!"`),
    ).toMatchInlineSnapshot(`
      "appliance.yaml:5:20: users[0].password-hash is not a hash
        5 |     password-hash: ********
          |                    ^
        hint: leave password-hash out: the password of such a user is locked"
    `);
  });

  test('the name of a key file for a key', () => {
    expect(
      having(`users:
  - name: ada
    ssh-keys: [~/.ssh/id_ed25519.pub]`),
    ).toMatchInlineSnapshot(`
      "appliance.yaml:5:16: users[0].ssh-keys[0] is the name of a file, not the key in it
        5 |     ssh-keys: [~/.ssh/id_ed25519.pub]
          |                ^
        hint: paste the one line of a .pub file, e.g. ssh-ed25519 AAAA… you@example.org"
    `);
  });

  test('a private key', () => {
    expect(
      having(`users:
  - name: ada
    ssh-keys:
      - |
        -----BEGIN OPENSSH PRIVATE KEY-----
        b3BlbnNzaC1rZXk=`),
    ).toMatchInlineSnapshot(`
      "appliance.yaml:6:9: users[0].ssh-keys[0] is a private key, which must never be in a manifest
        6 |       - ********
          |         ^
        hint: paste the one line of a .pub file, e.g. ssh-ed25519 AAAA… you@example.org"
    `);
  });

  test('a key that was cut', () => {
    expect(
      having(`users:
  - name: ada
    ssh-keys:
      - ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcH ada@example.org`),
    ).toMatchInlineSnapshot(`
      "appliance.yaml:6:9: users[0].ssh-keys[0] is not a whole SSH public key; has part of it been lost in copying?
        6 |       - ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcH ada@example.org
          |         ^
        hint: paste the one line of a .pub file, e.g. ssh-ed25519 AAAA… you@example.org"
    `);
  });

  test('a key with another type inside', () => {
    expect(
      having(`users:
  - name: ada
    ssh-keys:
      - ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAIAcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcH ada@example.org`),
    ).toMatchInlineSnapshot(`
      "appliance.yaml:6:9: users[0].ssh-keys[0] says ssh-rsa but holds a key of the type ssh-ed25519
        6 |       - ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAIAcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcH ada@example.org
          |         ^"
    `);
  });

  test('a key of a type that is gone', () => {
    expect(
      having(`users:
  - name: ada
    ssh-keys:
      - ssh-dss AAAAB3NzaC1kc3MAAACBAA== ada@example.org`),
    ).toMatchInlineSnapshot(`
      "appliance.yaml:6:9: users[0].ssh-keys[0] has a key of the type ssh-dss, which OpenSSH does not accept
        6 |       - ssh-dss AAAAB3NzaC1kc3MAAACBAA== ada@example.org
          |         ^
        hint: make one with: ssh-keygen -t ed25519"
    `);
  });

  test('a key that is too short', () => {
    expect(
      having(`users:
  - name: ada
    ssh-keys:
      - ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQCBgYGBgYGBgYGBgYGBgYGBgYGBgYGBgYGBgYGBgYGBgYGBgYGBgYGBgYGBgYGBgYGBgYGBgYGBgYGBgYGBgYGBgYGBgYGBgYGBgYGBgYGBgYGBgYGBgYGBgYGBgYGBgYGBgYGBgYGBgYGBgYGBgYGBgYGBgYGBgYGBgYGBgYGBgQ== ada@example.org`),
    ).toMatchInlineSnapshot(`
      "appliance.yaml:6:9: users[0].ssh-keys[0] is an RSA key of 1024 bits, which is too easy to break
        6 |       - ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQCBgYGBgYGBgYGBgYGBgYGBgYGBgYGBgYGBgYGBgYGBgYGBgYGBgYGB…
          |         ^
        hint: make a better one with: ssh-keygen -t ed25519"
    `);
  });

  test('sudo with a password that is not there', () => {
    expect(
      having(`packages: [sudo]
users:
  - name: ada
    sudo: password`),
    ).toMatchInlineSnapshot(`
      "appliance.yaml:6:11: users[0].sudo asks for a password, but the user has none
        6 |     sudo: password
          |           ^
        hint: add password-hash, or write sudo: passwordless
              make a hash with: mkpasswd --method=yescrypt (package whois), or openssl passwd -6"
    `);
  });

  test('a version that Vagrant does not take, for a box', () => {
    expect(
      about('name: demo\nversion: "1.0~rc1"\nexports: [ova, vagrant-virtualbox]\n'),
    ).toMatchInlineSnapshot(`
      "appliance.yaml:2:10: version: Vagrant takes no version like "1.0~rc1", and the exports have vagrant-virtualbox
        2 | version: "1.0~rc1"
          |          ^
        hint: use numbers with dots, and letters only behind the first one, e.g. 1.0.0 or 1.0.0-rc1"
    `);
    expect(about('name: demo\nversion: "1.0-rc1"\nexports: [vagrant-virtualbox]\n')).toBe(
      'nothing is wrong',
    );
    expect(about('name: demo\nversion: "1.0~rc1"\nexports: [ova]\n')).toBe('nothing is wrong');
  });

  test('a budget for an export that has the whole disk in it', () => {
    const budget = (format: string, size: string) =>
      having(`machine: {disk: 4 GiB}\nexports: [ova, ${format}]\nbudget:\n  export: ${size}`);
    expect(budget('vhd', '4 GiB')).toMatchInlineSnapshot(`
      "appliance.yaml:6:11: budget.export: the export vhd holds the whole disk of 4 GiB, used or not, and cannot keep to 4 GiB
        6 |   export: 4 GiB
          |           ^
        hint: limit what is on the disk with disk-data instead, or make machine.disk smaller"
    `);
    expect(budget('raw', '4095 MiB')).toContain('the export raw holds the whole disk');
    expect(budget('raw', '4 GiB')).toBe('nothing is wrong');
    expect(budget('vhd', '4097 MiB')).toBe('nothing is wrong');
    expect(budget('raw-zst', '500 MiB')).toBe('nothing is wrong');
  });

  test('sudo without sudo', () => {
    expect(
      having(`users:
  - name: ada
    sudo: passwordless`),
    ).toMatchInlineSnapshot(`
      "appliance.yaml:5:11: users[0].sudo needs the package sudo, which is not among the packages
        5 |     sudo: passwordless
          |           ^
        hint: add sudo to packages"
    `);
  });

  test('sudo for root', () => {
    expect(
      having(`packages: [sudo]
users:
  - name: root
    sudo: passwordless`),
    ).toMatchInlineSnapshot(`
      "appliance.yaml:6:11: users[0].sudo has no meaning for root
        6 |     sudo: passwordless
          |           ^"
    `);
  });

  test('a group with capitals', () => {
    expect(
      having(`users:
  - name: ada
    groups: [Wheel]`),
    ).toMatchInlineSnapshot(`
      "appliance.yaml:5:14: users[0].groups[0]: "Wheel" is not a group name
        5 |     groups: [Wheel]
          |              ^
        hint: use lower-case letters, digits, - and _ (at most 32), starting with a letter or _"
    `);
  });

  test('a shell without its path', () => {
    expect(
      having(`users:
  - name: ada
    shell: bash`),
    ).toMatchInlineSnapshot(`
      "appliance.yaml:5:12: users[0].shell: "bash" is not an absolute path
        5 |     shell: bash
          |            ^
        hint: did you mean /bin/bash?"
    `);
  });
});

describe('network', () => {
  test('an address without its network', () => {
    expect(
      having(`network:
  address: 192.168.1.10`),
    ).toMatchInlineSnapshot(`
      "appliance.yaml:4:12: network.address: "192.168.1.10" is not an address with the length of its network
        4 |   address: 192.168.1.10
          |            ^
        hint: e.g. 192.168.1.10/24"
    `);
  });

  test('an address that is the network', () => {
    expect(
      having(`network:
  address: 192.168.1.0/24`),
    ).toMatchInlineSnapshot(`
      "appliance.yaml:4:12: network.address: "192.168.1.0/24" is the network itself, not an address in it
        4 |   address: 192.168.1.0/24
          |            ^"
    `);
  });

  test('an address that is none', () => {
    expect(
      having(`network:
  address: 192.168.1.300/24`),
    ).toMatchInlineSnapshot(`
      "appliance.yaml:4:12: network.address: "192.168.1.300/24" is not an address with the length of its network
        4 |   address: 192.168.1.300/24
          |            ^
        hint: e.g. 192.168.1.10/24"
    `);
  });

  test('a gateway elsewhere', () => {
    expect(
      having(`network:
  address: 192.168.1.10/24
  gateway: 192.168.2.1`),
    ).toMatchInlineSnapshot(`
      "appliance.yaml:5:12: network.gateway: 192.168.2.1 is not in the network of 192.168.1.10/24
        5 |   gateway: 192.168.2.1
          |            ^"
    `);
  });

  test('a gateway of another kind', () => {
    expect(
      having(`network:
  address: 192.168.1.10/24
  gateway: fe80::1`),
    ).toMatchInlineSnapshot(`
      "appliance.yaml:5:12: network.gateway: fe80::1 and 192.168.1.10/24 are not of the same IP version
        5 |   gateway: fe80::1
          |            ^"
    `);
  });

  test('a name server with a network', () => {
    expect(
      having(`network:
  address: 192.168.1.10/24
  dns: [9.9.9.9/32]`),
    ).toMatchInlineSnapshot(`
      "appliance.yaml:5:9: network.dns[0]: "9.9.9.9/32" is not an IP address
        5 |   dns: [9.9.9.9/32]
          |         ^
        hint: write the address without the length of its network"
    `);
  });

  test('a misspelt way to get an address', () => {
    expect(having('network: dchp')).toMatchInlineSnapshot(`
      "appliance.yaml:3:10: network: expected dhcp or keys with values, found the text "dchp"
        3 | network: dchp
          |          ^
        hint: did you mean dhcp?"
    `);
  });

  test('a misspelt key of a static address', () => {
    expect(
      having(`network:
  adress: 192.168.1.10/24`),
    ).toMatchInlineSnapshot(`
      "appliance.yaml:3:1: network.address is missing
        3 | network:
          | ^
        hint: e.g. address: 192.168.1.10/24

      appliance.yaml:4:3: network.adress is not a known key
        4 |   adress: 192.168.1.10/24
          |   ^
        hint: did you mean address?"
    `);
  });
});

describe('files and scripts', () => {
  test('a file with neither content nor source', () => {
    expect(
      having(`files:
  - path: /etc/motd`),
    ).toMatchInlineSnapshot(`
      "appliance.yaml:4:5: files[0]: a file has either content or source; this one has neither
        4 |   - path: /etc/motd
          |     ^"
    `);
  });

  test('a file with both', () => {
    expect(
      having(`files:
  - path: /etc/motd
    content: Hello
    source: motd`),
    ).toMatchInlineSnapshot(`
      "appliance.yaml:6:13: files[0].source: a file has either content or source; this one has both
        6 |     source: motd
          |             ^"
    `);
  });

  test('a relative path', () => {
    expect(
      having(`files:
  - path: etc/motd
    content: Hello`),
    ).toMatchInlineSnapshot(`
      "appliance.yaml:4:11: files[0].path: "etc/motd" is not an absolute path
        4 |   - path: etc/motd
          |           ^
        hint: begin it with a slash: "/etc/motd""
    `);
  });

  test('a path that goes up', () => {
    expect(
      having(`files:
  - path: /etc/../motd
    content: Hello`),
    ).toMatchInlineSnapshot(`
      "appliance.yaml:4:11: files[0].path: "/etc/../motd" has a ".." in it
        4 |   - path: /etc/../motd
          |           ^"
    `);
  });

  test('a path that ends with a slash', () => {
    expect(
      having(`files:
  - path: /var/www/
    source: site`),
    ).toMatchInlineSnapshot(`
      "appliance.yaml:4:11: files[0].path: "/var/www/" is not the plain form of a path
        4 |   - path: /var/www/
          |           ^
        hint: leave out double slashes, "." and a slash at the end"
    `);
  });

  test('a path that is covered', () => {
    expect(
      having(`files:
  - path: /run/motd
    content: Hello`),
    ).toMatchInlineSnapshot(`
      "appliance.yaml:4:11: files[0].path: "/run/motd" would never be seen in the appliance: it is empty at every start
        4 |   - path: /run/motd
          |           ^"
    `);
  });

  test('a mode without quotes', () => {
    expect(
      having(`files:
  - path: /etc/motd
    content: Hello
    mode: 0644`),
    ).toMatchInlineSnapshot(`
      "appliance.yaml:6:11: files[0].mode: expected a text, found the number 644
        6 |     mode: 0644
          |           ^
        hint: without quotes YAML reads a number; write "0644""
    `);
  });

  test('a mode in letters', () => {
    expect(
      having(`files:
  - path: /etc/motd
    content: Hello
    mode: u=rw`),
    ).toMatchInlineSnapshot(`
      "appliance.yaml:6:11: files[0].mode: "u=rw" is not a file mode
        6 |     mode: u=rw
          |           ^
        hint: write three or four octal digits in quotes, e.g. "0644" or "0755""
    `);
  });

  test('an owner without a group', () => {
    expect(
      having(`files:
  - path: /etc/motd
    content: Hello
    owner: www-data`),
    ).toMatchInlineSnapshot(`
      "appliance.yaml:6:12: files[0].owner: "www-data" is not an owner of the form user:group
        6 |     owner: www-data
          |            ^
        hint: e.g. www-data:www-data"
    `);
  });

  test('a file given twice', () => {
    expect(
      having(`files:
  - path: /etc/motd
    content: Hello
  - path: /etc/motd
    content: Bye`),
    ).toMatchInlineSnapshot(`
      "appliance.yaml:6:11: files[1].path: the file "/etc/motd" is given twice
        6 |   - path: /etc/motd
          |           ^"
    `);
  });

  test('a script with nothing in it', () => {
    expect(
      having(`scripts:
  - name: set up`),
    ).toMatchInlineSnapshot(`
      "appliance.yaml:4:5: scripts[0]: a script has either run or file; this one has neither
        4 |   - name: set up
          |     ^"
    `);
  });

  test('a script with both', () => {
    expect(
      having(`scripts:
  - run: 'true'
    file: setup.sh`),
    ).toMatchInlineSnapshot(`
      "appliance.yaml:5:11: scripts[0].file: a script has either run or file; this one has both
        5 |     file: setup.sh
          |           ^"
    `);
  });
});

describe('checks', () => {
  test('a check of no kind', () => {
    expect(
      having(`checks:
  - name: ssh`),
    ).toMatchInlineSnapshot(`
      "appliance.yaml:4:5: checks[0] needs exactly one of command, port or http; it has none of them
        4 |   - name: ssh
          |     ^
        hint: known here: command, port, http, status, contains"
    `);
  });

  test('a check with its kind misspelt', () => {
    expect(
      having(`checks:
  - prot: 22`),
    ).toMatchInlineSnapshot(`
      "appliance.yaml:4:5: checks[0] needs exactly one of command, port or http; it has none of them
        4 |   - prot: 22
          |     ^
        hint: did you mean port?"
    `);
  });

  test('a check of two kinds', () => {
    expect(
      having(`checks:
  - port: 80
    http: http://localhost/`),
    ).toMatchInlineSnapshot(`
      "appliance.yaml:5:5: checks[0] needs exactly one of command, port or http; it has port and http
        5 |     http: http://localhost/
          |     ^"
    `);
  });

  test('a port that is none', () => {
    expect(
      having(`checks:
  - port: 70000`),
    ).toMatchInlineSnapshot(`
      "appliance.yaml:4:11: checks[0].port: 70000 is too large; at most 65535 is possible
        4 |   - port: 70000
          |           ^"
    `);
  });

  test('a port in quotes', () => {
    expect(
      having(`checks:
  - port: "22"`),
    ).toMatchInlineSnapshot(`
      "appliance.yaml:4:11: checks[0].port: expected a whole number, found the text "22"
        4 |   - port: "22"
          |           ^
        hint: write it without quotes: 22"
    `);
  });

  test('a path for a URL', () => {
    expect(
      having(`checks:
  - http: /index.html`),
    ).toMatchInlineSnapshot(`
      "appliance.yaml:4:11: checks[0].http: "/index.html" is not a URL
        4 |   - http: /index.html
          |           ^
        hint: did you mean http://localhost/index.html?"
    `);
  });

  test('a status that is none', () => {
    expect(
      having(`checks:
  - http: http://localhost/
    status: 42`),
    ).toMatchInlineSnapshot(`
      "appliance.yaml:5:13: checks[0].status: 42 is too small; at least 100 is needed
        5 |     status: 42
          |             ^"
    `);
  });

  test('a misspelt key beside the kind', () => {
    expect(
      having(`checks:
  - http: http://localhost/
    contain: Hello`),
    ).toMatchInlineSnapshot(`
      "appliance.yaml:5:5: checks[0].contain is not a known key
        5 |     contain: Hello
          |     ^
        hint: did you mean contains?"
    `);
  });

  test('a command that is empty', () => {
    expect(
      having(`checks:
  - command: ''`),
    ).toMatchInlineSnapshot(`
      "appliance.yaml:4:14: checks[0].command is empty
        4 |   - command: ''
          |              ^"
    `);
  });
});

describe('showing the place', () => {
  test('many problems, in the order of their lines', () => {
    expect(
      having(`timezone: Mars
machine:
  cpus: 0
  memory: lots
packages: [Nginx]`),
    ).toMatchInlineSnapshot(`
      "appliance.yaml:3:11: timezone: "Mars" is not a time zone
        3 | timezone: Mars
          |           ^
        hint: write a name of the IANA database, e.g. Etc/UTC or Europe/Berlin

      appliance.yaml:5:9: machine.cpus: 0 is too small; at least 1 is needed
        5 |   cpus: 0
          |         ^

      appliance.yaml:6:11: machine.memory: "lots" is no size
        6 |   memory: lots
          |           ^
        hint: write a number with its unit (MiB, GiB, MB, GB), e.g. 512 MiB

      appliance.yaml:7:12: packages[0]: "Nginx" is not a package name
        7 | packages: [Nginx]
          |            ^
        hint: did you mean nginx?"
    `);
  });

  test('a long line', () => {
    expect(
      having(
        'packages: [package-0, package-1, package-2, package-3, package-4, package-5, package-6, package-7, package-8, package-9, package-10, package-11, package-12, package-13, package-14, package-15, package-16, package-17, package-18, package-19, Nginx, other-0, other-1, other-2, other-3, other-4, other-5, other-6, other-7, other-8, other-9, other-10, other-11, other-12, other-13, other-14, other-15, other-16, other-17, other-18, other-19]',
      ),
    ).toMatchInlineSnapshot(`
      "appliance.yaml:3:242: packages[20]: "Nginx" is not a package name
        3 | …package-15, package-16, package-17, package-18, package-19, Nginx, other-0, other-1, other-2, other-…
          |                                                              ^
        hint: did you mean nginx?"
    `);
  });

  test('characters that a terminal would obey', () => {
    expect(having('hostname: "a\\e[31mred\\u202e"')).toMatchInlineSnapshot(`
      "appliance.yaml:3:11: hostname: "a\\u001b[31mred\\u202e" is not a host name
        3 | hostname: "a\\e[31mred\\u202e"
          |           ^
        hint: use letters, digits and dashes, no dash at either end; dots separate the parts of a full name"
    `);
  });
});

describe('budget', () => {
  test.each([
    'budget: { export: 500 MiB, disk-data: 2 GiB }',
    'budget: { export: 500 }',
    'budget: { export: 500 KiB }',
    'budget: { export: 1 PiB }',
    'budget: { disk-data: 3 TiB }',
    'budget: { data: 2 GiB }',
    'budget: 2 GiB',
    'budget: {}',
    'budget:',
  ])('%s', (lines) => {
    expect(having(lines)).toMatchSnapshot();
  });
});

describe('timeouts', () => {
  test.each([
    'timeouts: { construct: 2 h, silence: 90s, boot: "1.5 min" }',
    'timeouts: { construct: 90 }',
    'timeouts: { construct: "90" }',
    'timeouts: { boot: soon }',
    'timeouts: { boot: 0 s }',
    'timeouts: { boot: 30 d }',
    'timeouts: { bot: 90 s }',
    'timeouts: 90 s',
  ])('%s', (lines) => {
    expect(having(lines)).toMatchSnapshot();
  });
});

describe('bytes that are no text', () => {
  test('a NUL byte', () => {
    expect(about('name: demo\nversion: "1\0"\n')).toMatchInlineSnapshot(`
      "appliance.yaml:2:12: the file has NUL bytes in it: it is not a text file
        2 | version: "1·"
          |            ^"
    `);
  });

  test('Latin-1', () => {
    const bytes = Buffer.from('name: demo\ndescription: Bücher\n', 'latin1');
    expect(about(bytes)).toMatchInlineSnapshot(`
      "appliance.yaml:2:15: the file is not UTF-8
        2 | description: B�cher
          |               ^
        hint: save the file as UTF-8"
    `);
  });

  test('brackets without end', () => {
    expect(about('['.repeat(20_000)).split('\n')[0]).toMatchInlineSnapshot(
      `"appliance.yaml:1:1: the file is nested too deeply"`,
    );
  });
});

describe('properties', () => {
  test('that are none', () => {
    expect(having('properties: [hostnam, colour, address, Title, 3]')).toMatchInlineSnapshot(`
      "appliance.yaml:3:14: properties[0]: "hostnam" is not a ready-made property
        3 | properties: [hostnam, colour, address, Title, 3]
          |              ^
        hint: did you mean hostname?

      appliance.yaml:3:23: properties[1]: "colour" is not a ready-made property
        3 | properties: [hostnam, colour, address, Title, 3]
          |                       ^
        hint: ready-made are hostname, network, ssh-key and password
              one of your own has a type: {name: colour, type: string}

      appliance.yaml:3:31: properties[2]: "address" is a part of the property network
        3 | properties: [hostnam, colour, address, Title, 3]
          |                               ^
        hint: write network

      appliance.yaml:3:40: properties[3]: "Title" is not a ready-made property
        3 | properties: [hostnam, colour, address, Title, 3]
          |                                        ^
        hint: ready-made are hostname, network, ssh-key and password
              one of your own has a type: {name: title, type: string}

      appliance.yaml:3:47: properties[4]: expected a text or keys with values, found the number 3
        3 | properties: [hostnam, colour, address, Title, 3]
          |                                               ^
        hint: without quotes YAML reads a number; write "3""
    `);
    expect(having('properties: hostname')).toMatchInlineSnapshot(`
      "appliance.yaml:3:13: properties: expected a list, found the text "hostname"
        3 | properties: hostname
          |             ^
        hint: write a list: properties: [hostname]"
    `);
    expect(having('properties: []')).toMatchInlineSnapshot(`
      "appliance.yaml:3:13: properties is an empty list; at least one is needed
        3 | properties: []
          |             ^"
    `);
  });

  test('given twice, alone and with settings', () => {
    expect(having('properties: [hostname, {name: hostname, label: Name}]')).toMatchInlineSnapshot(`
      "appliance.yaml:3:31: properties[1].name: the property "hostname" is given twice
        3 | properties: [hostname, {name: hostname, label: Name}]
          |                               ^"
    `);
  });

  test('of one’s own without a type, with a wrong one, with a wrong name', () => {
    const lines = ['{name: title}', '{name: Title, type: string}', '{name: a, type: strin}'];
    expect(having(`properties: [${lines.join(', ')}]`)).toMatchInlineSnapshot(`
      "appliance.yaml:3:21: properties[0].name: "title" is not a ready-made property
        3 | properties: [{name: title}, {name: Title, type: string}, {name: a, type: strin}]
          |                     ^
        hint: ready-made are hostname, network, ssh-key and password
              one of your own has a type: {name: title, type: string}

      appliance.yaml:3:36: properties[1].name: "Title" is not a name for a property
        3 | properties: [{name: title}, {name: Title, type: string}, {name: a, type: strin}]
          |                                    ^
        hint: use lower-case letters, digits and single dashes between them (at most 64), starting with a letter

      appliance.yaml:3:74: properties[2].type: "strin" is not one of string, boolean, int and password
        3 | properties: [{name: title}, {name: Title, type: string}, {name: a, type: strin}]
          |                                                                          ^
        hint: did you mean string?"
    `);
  });

  test('ready-made ones with what is not theirs', () => {
    expect(
      having(`properties:
  - {name: hostname, type: string}
  - {name: network, default: dhcp}
  - {name: ssh-key, max-length: 80}
  - {name: password, default: secret}`),
    ).toMatchInlineSnapshot(`
      "appliance.yaml:4:28: properties[0].type: "hostname" is a ready-made property, whose type is known
        4 |   - {name: hostname, type: string}
          |                            ^
        hint: leave the type out, or choose another name for a property of your own

      appliance.yaml:5:30: properties[1].default has no meaning for the property network
        5 |   - {name: network, default: dhcp}
          |                              ^
        hint: the manifest’s network is what it is without one

      appliance.yaml:6:33: properties[2].max-length has no meaning for the property ssh-key
        6 |   - {name: ssh-key, max-length: 80}
          |                                 ^

      appliance.yaml:7:31: properties[3].default: would be the same password in every copy, and known to everybody who has one
        7 |   - {name: password, default: ********
          |                               ^
        hint: leave it out; required: true makes importers ask for one"
    `);
  });

  test('defaults that do not fit', () => {
    expect(
      having(`properties:
  - {name: a, type: int, default: four}
  - {name: b, type: string, default: 4}
  - {name: c, type: boolean, default: "yes"}
  - {name: d, type: int, default: 3, min: 4}
  - {name: e, type: string, default: abcd, max-length: 3}
  - {name: f, type: string, default: c, choices: [a, b]}
  - {name: g, type: password, default: secret}`),
    ).toMatchInlineSnapshot(`
      "appliance.yaml:4:35: properties[0].default is not a whole number, which the type int wants
        4 |   - {name: a, type: int, default: four}
          |                                   ^

      appliance.yaml:5:38: properties[1].default is not a text, which the type string wants
        5 |   - {name: b, type: string, default: 4}
          |                                      ^
        hint: write it in quotes: "4"

      appliance.yaml:6:39: properties[2].default is not true or false, which the type boolean wants
        6 |   - {name: c, type: boolean, default: "yes"}
          |                                       ^

      appliance.yaml:7:35: properties[3].default is below min, 4
        7 |   - {name: d, type: int, default: 3, min: 4}
          |                                   ^

      appliance.yaml:8:38: properties[4].default has 4 characters, more than max-length, 3
        8 |   - {name: e, type: string, default: abcd, max-length: 3}
          |                                      ^

      appliance.yaml:9:38: properties[5].default is not one of the choices
        9 |   - {name: f, type: string, default: c, choices: [a, b]}
          |                                      ^

      appliance.yaml:10:40: properties[6].default: would be the same password in every copy, and known to everybody who has one
        10 |   - {name: g, type: password, default: ********
           |                                        ^
        hint: leave it out; required: true makes importers ask for one"
    `);
  });

  test('limits that cannot be', () => {
    expect(
      having(`properties:
  - {name: a, type: int, min: 4, max: 3}
  - {name: b, type: string, min-length: 4, max-length: 3}
  - {name: c, type: string, choices: [a, 'b"', a], max-length: 3}
  - {name: d, type: boolean, min: 1}
  - {name: e, type: int, max: 5000000000}`),
    ).toMatchInlineSnapshot(`
      "appliance.yaml:4:39: properties[0].max is less than min, 4
        4 |   - {name: a, type: int, min: 4, max: 3}
          |                                       ^

      appliance.yaml:5:56: properties[1].max-length is less than min-length, 4
        5 |   - {name: b, type: string, min-length: 4, max-length: 3}
          |                                                        ^

      appliance.yaml:6:42: properties[2].choices[1]: "b\\"" has a quote, a backslash or a control character, which a choice cannot
        6 |   - {name: c, type: string, choices: [a, 'b"', a], max-length: 3}
          |                                          ^

      appliance.yaml:6:48: properties[2].choices[2]: the choice "a" is given twice
        6 |   - {name: c, type: string, choices: [a, 'b"', a], max-length: 3}
          |                                                ^

      appliance.yaml:6:64: properties[2].max-length has no meaning beside choices
        6 |   - {name: c, type: string, choices: [a, 'b"', a], max-length: 3}
          |                                                                ^

      appliance.yaml:7:35: properties[3].min has no meaning for a property of the type boolean
        7 |   - {name: d, type: boolean, min: 1}
          |                                   ^

      appliance.yaml:8:31: properties[4].max: 5000000000 is too large; at most 2147483647 is possible
        8 |   - {name: e, type: int, max: 5000000000}
          |                               ^"
    `);
  });

  test('for nobody, or for somebody of many', () => {
    expect(having('properties: [{name: ssh-key, user: ada}]')).toMatchInlineSnapshot(`
      "appliance.yaml:3:36: properties[0].user: there is no user "ada" in users
        3 | properties: [{name: ssh-key, user: ada}]
          |                                    ^"
    `);
    expect(
      having(`users: [{name: ada}, {name: eve}]
properties: [password, {name: ssh-key, user: eva}]`),
    ).toMatchInlineSnapshot(`
      "appliance.yaml:4:14: properties[0] needs a user, as the manifest has several
        4 | properties: [password, {name: ssh-key, user: eva}]
          |              ^
        hint: write it with one: {name: password, user: ada}

      appliance.yaml:4:46: properties[1].user: there is no user "eva" in users
        4 | properties: [password, {name: ssh-key, user: eva}]
          |                                              ^
        hint: did you mean eve?"
    `);
  });

  test('a password that is asked for is one for sudo', () => {
    const users = 'packages: [sudo]\nusers: [{name: ada, sudo: password}, {name: eve}]\n';
    expect(having(`${users}properties: [{name: password, user: ada}]`)).toBe('nothing is wrong');
    expect(having(`${users}properties: [{name: password, user: eve}]`)).toMatchInlineSnapshot(`
      "appliance.yaml:4:27: users[0].sudo asks for a password, but the user has none
        4 | users: [{name: ada, sudo: password}, {name: eve}]
          |                           ^
        hint: add password-hash, or write sudo: passwordless
              make a hash with: mkpasswd --method=yescrypt (package whois), or openssl passwd -6"
    `);
  });
});
