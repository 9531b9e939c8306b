import { execFile } from 'node:child_process';
import { mkdir, readFile, rm, stat, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import {
  bootWith,
  DONE,
  NETWORK,
  RECORD,
  record,
  VALUES,
} from '../../../test/support/personalised-boot.ts';
import { environment } from '../testing/guest-root.ts';
import { PROGRAM } from './program.ts';

const ED25519 = `ssh-ed25519 ${Buffer.concat([
  Buffer.from([0, 0, 0, 11]),
  Buffer.from('ssh-ed25519'),
  Buffer.from([0, 0, 0, 32]),
  Buffer.alloc(32, 7),
]).toString('base64')}`;

test('it needs no module that perl-base lacks', async () => {
  const modules = [...PROGRAM.matchAll(/^use (\w[\w:]*)/gm)].map(([, name]) => name);
  // Each is a file of the package perl-base, which every Debian system has.
  expect(new Set(modules)).toEqual(new Set(['strict', 'warnings', 'Fcntl', 'Socket']));
  expect(PROGRAM).not.toContain(':encoding');
});

describe.concurrent('where values come from', () => {
  test('a disc with the OVF environment, as vSphere attaches it', () =>
    bootWith(
      (guest) =>
        guest.disc(
          'sr0',
          {
            'ovf-env.xml': environment({
              hostname: 'shop-1.example.org',
              address: '192.0.2.10/24',
              gateway: '192.0.2.1',
              dns: '192.0.2.2, 192.0.2.3',
              'ssh-key': `${ED25519} ada@example.org`,
              password: 'a "secret" <&> $x',
              'shop-title': 'Büro & Söhne',
              open: 'False',
              workers: '',
            }),
          },
          'OVF ENV',
        ),
      async (guest, boot, folder) => {
        expect(boot.status).toBe(0);
        expect(await guest.read('etc/hostname')).toBe('shop-1.example.org\n');
        expect(await guest.read('proc/sys/kernel/hostname')).toBe('shop-1.example.org');
        expect(await guest.read('etc/hosts')).toBe(
          '127.0.0.1 localhost\n127.0.1.1 shop-1.example.org shop-1\n::1 localhost\n',
        );
        expect(await guest.read(NETWORK)).toContain(
          '\n[Network]\nAddress=192.0.2.10/24\nGateway=192.0.2.1\nDNS=192.0.2.2\nDNS=192.0.2.3\n',
        );
        expect(await guest.read('home/ada/.ssh/authorized_keys')).toBe(
          `${ED25519} ada@example.org\n`,
        );
        expect((await stat(join(guest.root, 'home/ada/.ssh'))).mode & 0o777).toBe(0o700);
        expect((await stat(join(guest.root, 'home/ada/.ssh/authorized_keys'))).mode & 0o777).toBe(
          0o600,
        );
        expect(await readFile(join(folder, 'chpasswd.input'), 'utf8')).toBe(
          'ada:a "secret" <&> $x\n',
        );
        expect(await guest.read(VALUES)).toContain('\nPROPERTY_SHOP_TITLE="Büro & Söhne"\n');
        expect(await guest.read(VALUES)).toContain('\nPROPERTY_OPEN="false"\n');
        expect(await guest.read(VALUES)).toContain('\nPROPERTY_WORKERS="4"\n');
        expect((await stat(join(guest.root, VALUES))).mode & 0o777).toBe(0o600);
        expect(await guest.read(DONE)).toBeDefined();
        for (const path of [RECORD, VALUES, 'dev/tty0', 'dev/ttyS0', 'var/lib/pvmc/personalised']) {
          expect(await guest.read(path)).not.toContain('secret');
        }
        expect(boot.journal.join('\n')).not.toContain('secret');
        expect(await guest.read('dev/ttyS0')).toContain(
          'personalise: the host name is shop-1.example.org\r\n',
        );
        expect(await record(guest)).toMatchObject({
          hostname: 'is shop-1.example.org',
          password: 'of ada is set',
          'shop-title': 'given by the disc /dev/sr0',
        });
      },
    ));

  test('a seed disk of lines, made by hand under Windows', () =>
    bootWith(
      (guest) =>
        guest.fat('sdb', {
          'properties.txt':
            '\ufeff# mine\r\n\r\nhostname = shop-2\r\nshop-title="Ada\'s shop"\r\nworkers=12\r\n',
        }),
      async (guest, boot) => {
        expect(boot.status).toBe(0);
        expect(await guest.read('etc/hostname')).toBe('shop-2\n');
        expect(await guest.read(VALUES)).toContain('\nPROPERTY_SHOP_TITLE="Ada\'s shop"\n');
        expect(await guest.read(VALUES)).toContain('\nPROPERTY_WORKERS="12"\n');
        expect(await record(guest)).toMatchObject({ workers: 'given by the seed disk /dev/sdb' });
      },
    ));

  test('a seed disk that is an ISO, with an environment or lines', () =>
    bootWith(
      (guest) =>
        guest.disc(
          'sr1',
          {
            'properties.txt': 'hostname=by-hand\n',
            'ovf-env.xml': environment({ hostname: 'by-program', size: 'large' }),
          },
          'PVMC-SEED',
        ),
      async (guest) => {
        expect(await guest.read('etc/hostname')).toBe('by-hand\n');
        expect(await guest.read(VALUES)).toContain('\nPROPERTY_SIZE="large"\n');
      },
    ));

  test('guestinfo: the environment, and single values from a .vmx', () =>
    bootWith(
      (guest) =>
        guest.guestinfo({
          ovfEnv: environment({ hostname: 'shop-3', size: 'large' }),
          'pvmc.hostname': 'shop-4',
          'pvmc.workers': '7\n',
        }),
      async (guest, boot) => {
        expect(boot.status).toBe(0);
        expect(await guest.read('etc/hostname')).toBe('shop-4\n');
        expect(await guest.read(VALUES)).toContain('\nPROPERTY_SIZE="large"\n');
        expect(await guest.read(VALUES)).toContain('\nPROPERTY_WORKERS="7"\n');
      },
    ));

  test('guestinfo: the environment as govc writes it when it is told to inject it', () =>
    bootWith(
      (guest) =>
        guest.guestinfo({
          // No line breaks between the elements, and empty values for what nobody gave.
          ovfEnv:
            '<?xml version="1.0" encoding="UTF-8"?>\n<Environment\n\t\txmlns="http://schemas.dmtf.org/ovf/environment/1"\n' +
            '\t\txmlns:oe="http://schemas.dmtf.org/ovf/environment/1"\n\t\toe:id=""><PlatformSection>\n\t\t<Locale>US</Locale>\n' +
            '\t\t</PlatformSection><PropertySection><Property oe:key="hostname" oe:value="shop-6"/>' +
            '<Property oe:key="password" oe:value=""/><Property oe:key="size" oe:value="large"/></PropertySection></Environment>',
        }),
      async (guest, boot) => {
        expect(boot.status).toBe(0);
        expect(await guest.read('etc/hostname')).toBe('shop-6\n');
        expect(await guest.read(VALUES)).toContain('\nPROPERTY_SIZE="large"\n');
      },
    ));

  test('all at once: a seed disk goes before a disc, a disc before guestinfo, each key for itself', () =>
    bootWith(
      async (guest) => {
        await guest.guestinfo({
          ovfEnv: environment({ hostname: 'g', workers: '1', size: 'large' }),
        });
        await guest.disc('sr0', { 'ovf-env.xml': environment({ hostname: 'd', workers: '2' }) });
        await guest.fat('sdb1', { 'properties.txt': 'hostname=s\n' });
      },
      async (guest) => {
        expect(await guest.read('etc/hostname')).toBe('s\n');
        expect(await guest.read(VALUES)).toContain('\nPROPERTY_WORKERS="2"\n');
        expect(await guest.read(VALUES)).toContain('\nPROPERTY_SIZE="large"\n');
      },
    ));

  test('nowhere: all stays, scripts get the defaults, and the next boot looks again', () =>
    bootWith(
      // Neither is asked for anything: a disc without an environment, a stick of another name.
      async (guest) => {
        await guest.disc('sr0', { 'properties.txt': 'hostname=no\n' });
        await guest.fat('sdb', { 'properties.txt': 'hostname=no\n' }, 'PHOTOS');
      },
      async (guest, boot) => {
        expect(boot.status).toBe(0);
        expect(boot.journal).toContain('no values were found: all is as the appliance came');
        expect(await guest.read('etc/hostname')).toBe('shop\n');
        expect(await guest.read(NETWORK)).toBeUndefined();
        expect(await guest.read(DONE)).toBeUndefined();
        expect(await guest.read('dev/ttyS0')).toBe('');
        expect(await guest.read(VALUES)).toBe(
          '# The properties of this machine, for scripts and services.\n' +
            'PROPERTY_SHOP_TITLE="My shop"\nPROPERTY_SIZE="small"\nPROPERTY_OPEN="true"\n' +
            'PROPERTY_WORKERS="4"\nPROPERTY_API_TOKEN=""\n',
        );
        await guest.fat('sdc', { 'properties.txt': 'hostname=late\n' });
        await guest.boot();
        expect(await guest.read('etc/hostname')).toBe('late\n');
        expect(await guest.read(DONE)).toBeDefined();
      },
    ));
});

/** What the record says of one value. */
async function outcomeOf(
  values: Readonly<Record<string, string>>,
): Promise<Record<string, string>> {
  let outcome: Record<string, string> = {};
  await bootWith(
    (guest) => guest.disc('sr0', { 'ovf-env.xml': environment(values) }),
    async (guest, boot) => {
      outcome = { ...(await record(guest)), status: String(boot.status) };
      expect(await guest.read(DONE)).toBe(undefined);
    },
  );
  return outcome;
}

describe.concurrent('values that are wrong', () => {
  test.each<[string, Readonly<Record<string, string>>, readonly [string, string]]>([
    ['a host name with a blank', { hostname: 'my shop' }, ['hostname', 'it is not a host name']],
    ['a host name with a line end', { hostname: 'a&#10;b' }, ['hostname', 'it is not a host name']],
    ['a shell in a host name', { hostname: '$(reboot)' }, ['hostname', 'it is not a host name']],
    [
      'no length',
      { address: '192.0.2.1' },
      ['address', 'neither dhcp nor an address with the length'],
    ],
    ['the network itself', { address: '192.0.2.0/24' }, ['address', 'it is the network itself']],
    ['a length of 33', { address: '192.0.2.1/33' }, ['address', 'a length that cannot be']],
    ['octets above 255', { address: '192.0.2.256/24' }, ['address', 'it is not an address']],
    [
      'a gateway elsewhere',
      { address: '192.0.2.9/24', gateway: '192.0.3.1' },
      ['gateway', 'not in the network'],
    ],
    [
      'a gateway of its own',
      { address: '192.0.2.9/24', gateway: '192.0.2.9' },
      ['gateway', 'this machine'],
    ],
    ['a gateway without an address', { gateway: '192.0.2.1' }, ['gateway', 'needs an address']],
    ['a name as name server', { dns: 'dns.example.org' }, ['dns', 'not an IP address']],
    ['half a key', { 'ssh-key': ED25519.slice(0, -8) }, ['ssh-key', 'not a whole SSH public key']],
    [
      'a private key',
      { 'ssh-key': '-----BEGIN OPENSSH PRIVATE KEY-----' },
      ['ssh-key', 'private key'],
    ],
    [
      'a key with an option',
      { 'ssh-key': `command="x" ${ED25519}` },
      ['ssh-key', 'not an SSH public key'],
    ],
    [
      'a text that is too long',
      { 'shop-title': 'x'.repeat(21) },
      ['shop-title', 'too many characters'],
    ],
    ['no choice', { size: 'huge' }, ['size', 'it is not one of: small, large']],
    ['no boolean', { open: 'perhaps' }, ['open', 'neither true nor false']],
    ['no number', { workers: '4 or 5' }, ['workers', 'not a whole number']],
    ['too large a number', { workers: '65' }, ['workers', 'not between 1 and 64']],
  ])('%s', async (_what, values, [key, complaint]) => {
    const outcome = await outcomeOf(values);
    expect(outcome[key]).toMatch(/^refused: /);
    expect(outcome[key]).toContain(complaint);
    expect(outcome['status']).toBe('1');
  });

  test('one that is wrong keeps no other from being used, and is looked for again', () =>
    bootWith(
      (guest) => guest.fat('sdb', { 'properties.txt': 'hostname=my shop\nworkers=9\n' }),
      async (guest, boot) => {
        expect(boot.journal).toContain(
          'hostname from the seed disk /dev/sdb is refused: it is not a host name',
        );
        expect(await guest.read('etc/hostname')).toBe('shop\n');
        expect(await guest.read(VALUES)).toContain('PROPERTY_WORKERS="9"');
        expect(await guest.read('dev/tty0')).toContain('personalise: hostname from');
        await rm(join(guest.root, 'dev/sdb'));
        await rm(join(guest.root, '../sdb.files'), { recursive: true });
        await guest.fat('sdb', { 'properties.txt': 'hostname=shop-5\n' });
        expect((await guest.boot()).status).toBe(0);
        expect(await guest.read('etc/hostname')).toBe('shop-5\n');
        expect(await guest.read(VALUES)).toContain('PROPERTY_WORKERS="9"');
        expect(await guest.read(DONE)).toBeDefined();
      },
    ));

  test('a gateway that is wrong leaves the whole network as it was', () =>
    bootWith(
      (guest) => guest.fat('sdb', { 'properties.txt': 'address=192.0.2.9/24\ngateway=nowhere\n' }),
      async (guest) => expect(await guest.read(NETWORK)).toBeUndefined(),
    ));

  test('keys that nobody has declared are told, without harm', () =>
    bootWith(
      (guest) => guest.fat('sdb', { 'properties.txt': 'colour=red\nhostname=shop-6\n' }),
      async (_guest, boot) => {
        expect(boot.status).toBe(0);
        expect(boot.journal).toContain(
          'the seed disk /dev/sdb gives colour, which this appliance has no use for',
        );
      },
    ));
});

describe.concurrent('environments', () => {
  const hostnameAfter = async (xml: string | Uint8Array): Promise<string> => {
    let name = '';
    await bootWith(
      (guest) => guest.disc('sr0', { 'ovf-env.xml': xml }),
      async (guest, boot) => {
        const [refused = ''] = boot.journal.filter((line) => line.startsWith('ovf-env.xml'));
        name = refused || ((await guest.read('etc/hostname')) ?? '').trim();
      },
    );
    return name;
  };
  const refused = (why: string) => `ovf-env.xml on the disc /dev/sr0 is refused: it ${why}`;
  const OVF = 'xmlns="http://schemas.dmtf.org/ovf/environment/1"';
  const property = '<Property key="hostname" value="x1"/>';
  const section = `<PropertySection>${property}</PropertySection>`;

  test.each<[string, string | Uint8Array, string]>([
    ['of vapprun, without prefixes', `<Environment ${OVF}>${section}</Environment>`, 'x1'],
    [
      'with a prefix on every element, in single quotes',
      `<ovf:Environment xmlns:ovf='http://schemas.dmtf.org/ovf/environment/1' ovf:id='a'><ovf:PropertySection><ovf:Property ovf:value='x2' ovf:key='hostname' /></ovf:PropertySection></ovf:Environment>`,
      'x2',
    ],
    [
      'with a comment, an instruction, CDATA and an end tag',
      `<?xml version="1.0"?>\n<?x y?><!-- <Property key="hostname" value="no"/> --><Environment ${OVF}><PropertySection><![CDATA[<Property>]]><Property key="hostname"\n value="x3"></Property></PropertySection></Environment>`,
      'x3',
    ],
    [
      'with characters by number',
      `<Environment ${OVF}><PropertySection><Property key="hostname" value="&#120;&#x34;"/></PropertySection></Environment>`,
      'x4',
    ],
    [
      'with another machine of the vApp',
      `<Environment ${OVF}>${section}<Entity id="db"><PropertySection><Property key="hostname" value="db"/></PropertySection></Entity></Environment>`,
      'x1',
    ],
    ['with an encoding mark', `\ufeff<Environment ${OVF}>${section}</Environment>`, 'x1'],
    ['without properties', `<Environment ${OVF}/>`, 'shop'],
    [
      'with a document type',
      `<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/shadow">]><Environment ${OVF}>${section}</Environment>`,
      refused('has a document type declaration, which is not read'),
    ],
    [
      'with an entity that nobody knows',
      `<Environment ${OVF}><PropertySection><Property key="hostname" value="&a;"/></PropertySection></Environment>`,
      refused("has an entity that is not XML's own"),
    ],
    ['that is cut off', `<Environment ${OVF}>${section}`, refused('is not well-formed XML')],
    ['with crossed tags', '<Environment><a></Environment></a>', refused('is not well-formed XML')],
    ['with two roots', '<Environment/><Environment/>', refused('is not well-formed XML')],
    ['of another kind', '<Envelope/>', refused('is no OVF environment')],
    ['that is empty', '', refused('is no OVF environment')],
    ['that is nested', '<a>'.repeat(40), refused('is nested too deeply')],
    [
      'that is huge',
      ' '.repeat(300_000),
      refused('is no file of UTF-8 text, or has more than 256 KiB'),
    ],
    [
      'in UTF-16',
      Buffer.from('\ufeff<Environment/>', 'utf16le'),
      refused('is no file of UTF-8 text, or has more than 256 KiB'),
    ],
    ['with 40,000 attributes', `<Environment ${'a="b" '.repeat(40_000)}/>`, 'shop'],
  ])('%s', async (_what, xml, expected) => {
    expect(await hostnameAfter(xml)).toBe(expected);
  });

  test('of too many properties', async () => {
    const many = Array.from({ length: 1001 }, (_, index) => `<Property key="k${index}" value=""/>`);
    const xml = `<Environment><PropertySection>${many.join('')}</PropertySection></Environment>`;
    expect(await hostnameAfter(xml)).toBe(refused('has more than 1000 properties'));
  });

  test('that are a link to a file of the guest', () =>
    bootWith(
      async (guest) => {
        const files = join(guest.root, '../sr0.files');
        await mkdir(files);
        await symlink('/etc/passwd', join(files, 'ovf-env.xml'));
        await guest.disc('sr0', {});
      },
      async (guest, boot) => {
        expect(boot.status).toBe(1);
        expect(await guest.read(RECORD)).not.toContain('root:');
      },
    ));
});

describe.concurrent('for scripts and services', () => {
  const script = `#!/bin/sh
echo "$PROPERTY_HOSTNAME|$PROPERTY_SHOP_TITLE|$PROPERTY_API_TOKEN" >>"$0.out"
`;
  const OUTPUT = 'etc/pvmc/personalise.d/10-shop.out';

  test('a script gets all, at the first boot and when values come later', () =>
    bootWith(
      (guest) => guest.write('etc/pvmc/personalise.d/10-shop', script, 0o755),
      async (guest, boot) => {
        expect(boot.status).toBe(0);
        await guest.boot();
        expect(await guest.read(OUTPUT)).toBe('|My shop|\n');
        await guest.fat('sdb', {
          'properties.txt': 'hostname=s7\nshop-title=a `b` $c \\d "e"\napi-token=t0ken\n',
        });
        await guest.boot();
        expect(await guest.read(OUTPUT)).toBe('|My shop|\ns7|a `b` $c \\d "e"|t0ken\n');
        const shell = `. '${join(guest.root, VALUES)}'; printf %s "$PROPERTY_SHOP_TITLE"`;
        const { stdout } = await promisify(execFile)('sh', ['-euc', shell]);
        expect(stdout).toBe('a `b` $c \\d "e"');
      },
    ));

  test('one that fails is told, and is run again at the next boot', () =>
    bootWith(
      async (guest) => {
        await guest.write('etc/pvmc/personalise.d/10-shop', '#!/bin/sh\nexit 3\n', 0o755);
        await guest.fat('sdb', { 'properties.txt': 'hostname=s8\n' });
      },
      async (guest, boot) => {
        expect(boot.status).toBe(1);
        expect((await record(guest))['scripts']).toMatch(/10-shop has ended with exit status 3$/);
        await guest.write('etc/pvmc/personalise.d/10-shop', script, 0o755);
        expect((await guest.boot()).status).toBe(0);
        expect(await guest.read(OUTPUT)).toBe('s8|My shop|\n');
        expect(await guest.read(DONE)).toBeDefined();
      },
    ));

  test('none is run while a value is missing that the appliance needs', () =>
    bootWith(
      (guest) => guest.write('etc/pvmc/personalise.d/10-shop', script, 0o755),
      async (guest, boot) => {
        expect(boot.status).toBe(1);
        expect(boot.journal).toContain('api-token is missing: this appliance needs it');
        expect(await guest.read(OUTPUT)).toBeUndefined();
        expect(await record(guest)).toMatchObject({ 'api-token': 'missing' });
        await guest.fat('sdb', { 'properties.txt': 'api-token=t\n' });
        expect((await guest.boot()).status).toBe(0);
        expect(await guest.read(OUTPUT)).toBe('||t\n');
      },
      { properties: [{ name: 'api-token', type: 'password', required: true }] },
    ));
});

describe.concurrent('what is ready-made', () => {
  test('several keys in one line, added to those that are there', () =>
    bootWith(
      async (guest) => {
        await guest.write('home/ada/.ssh/authorized_keys', `${ED25519} old`, 0o600);
        await guest.disc('sr0', {
          'ovf-env.xml': environment({ 'ssh-key': `${ED25519} one, two ${ED25519} three` }),
        });
      },
      async (guest) =>
        expect(await guest.read('home/ada/.ssh/authorized_keys')).toBe(
          `${ED25519} old\n${ED25519} one, two\n${ED25519} three\n`,
        ),
    ));

  test('a link in the way of the keys is not followed', () =>
    bootWith(
      async (guest) => {
        await symlink('/tmp', join(guest.root, 'home/ada/.ssh'));
        await guest.fat('sdb', { 'properties.txt': `ssh-key=${ED25519}\n` });
      },
      async (guest, boot) => {
        expect(boot.status).toBe(1);
        expect((await record(guest))['ssh-key']).toMatch(/^failed: /);
      },
    ));

  test('dhcp with name servers of one’s own', () =>
    bootWith(
      (guest) => guest.fat('sdb', { 'properties.txt': 'dns=192.0.2.2\n' }),
      async (guest) =>
        expect(await guest.read(NETWORK)).toContain(
          '[Network]\nDHCP=yes\nDNS=192.0.2.2\n\n[DHCPv4]\nUseDomains=yes\nUseDNS=no\n',
        ),
    ));

  test('dhcp where the appliance has a static address', () =>
    bootWith(
      (guest) => guest.fat('sdb', { 'properties.txt': 'address=DHCP\n' }),
      async (guest) => expect(await guest.read(NETWORK)).toContain('[Network]\nDHCP=yes\n'),
      { network: { address: '192.0.2.9/24', gateway: '192.0.2.1' }, properties: ['network'] },
    ));

  test('a password that chpasswd refuses is told, and not what it was', () =>
    bootWith(
      async (guest) => {
        await guest.write('../programs/chpasswd', '#!/bin/sh\nexit 10\n', 0o755);
        await guest.fat('sdb', { 'properties.txt': 'password=hunter2\n' });
      },
      async (guest, boot) => {
        expect(boot.status).toBe(1);
        expect(await record(guest)).toEqual({
          password: 'failed: chpasswd has refused it for ada, with exit status 10',
        });
        expect(boot.journal.join('\n')).not.toContain('hunter2');
      },
      { properties: ['password'] },
    ));
});
