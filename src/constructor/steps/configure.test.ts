import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { guestProperties } from '../../manifest/declared-properties.ts';
import { manifestSchema } from '../../manifest/schema.ts';
import { run } from '../../system/run.ts';
import { installationOf } from '../testing/rehearsal.ts';
import { temporaryFolder } from '../testing/temporary-folder.ts';
import { configurationFiles, configure } from './configure.ts';

function files(settings: object = {}) {
  const appliance = manifestSchema.parse({ name: 'tiny', version: '1.0', ...settings });
  return configurationFiles(installationOf(appliance));
}

const NETWORK = 'etc/systemd/network/80-wired.network';

describe('who the appliance is', () => {
  test('its name, unless a host name is given', () => {
    expect(files()['etc/hostname']).toBe('tiny\n');
    expect(files()['etc/hosts']).toContain('\n127.0.1.1 tiny\n');
    const named = files({ hostname: 'web.example.org' });
    expect(named['etc/hostname']).toBe('web.example.org\n');
    expect(named['etc/hosts']).toContain('\n127.0.1.1 web.example.org\n');
  });

  test('language, clock and keyboard', () => {
    const spoken = files({ locale: 'de_DE.UTF-8', timezone: 'Europe/Berlin', keyboard: 'de' });
    expect(spoken['etc/locale.conf']).toBe('LANG=de_DE.UTF-8\n');
    expect(spoken['etc/timezone']).toBe('Europe/Berlin\n');
    expect(spoken['etc/vconsole.conf']).toBe('XKBLAYOUT=de\n');
    expect(spoken['etc/default/keyboard']).toContain('\nXKBLAYOUT="de"\n');
  });
});

describe('the network', () => {
  const settingsOf = (settings: object) => {
    const text = files(settings)[NETWORK] ?? '';
    return text.slice(text.indexOf('[Network]')).trimEnd().split('\n');
  };

  test('by DHCP, on whatever wired interface there is', () => {
    expect(files()[NETWORK]).toContain('\n[Match]\nType=ether\nKind=!*\n');
    expect(settingsOf({ network: 'dhcp' })).toEqual([
      '[Network]',
      'DHCP=yes',
      '',
      '[DHCPv4]',
      'UseDomains=yes',
    ]);
  });

  test('static, with gateway and name servers', () => {
    const network = { address: '192.0.2.10/24', gateway: '192.0.2.1', dns: ['192.0.2.2', '::1'] };
    expect(settingsOf({ network })).toEqual([
      '[Network]',
      'Address=192.0.2.10/24',
      'Gateway=192.0.2.1',
      'DNS=192.0.2.2',
      'DNS=::1',
    ]);
  });

  test('static, with an address alone', () => {
    expect(settingsOf({ network: { address: '192.0.2.10/24' } })).toEqual([
      '[Network]',
      'Address=192.0.2.10/24',
    ]);
  });
});

describe('what personalises it', () => {
  const personal = (properties: readonly unknown[]) => {
    const appliance = manifestSchema.parse({ name: 'tiny', version: '1.0', properties });
    return configurationFiles(
      installationOf(appliance, { properties: guestProperties(appliance) }),
    );
  };

  test('is not there without properties', () => {
    expect(Object.keys(files()).filter((path) => /pvmc|personalise/.test(path))).toEqual([]);
  });

  test('knows what the manifest declares, and nothing that only importers show', () => {
    const own = { name: 'size', type: 'string', choices: ['s', 'l'], label: 'L', required: true };
    const all = personal(['hostname', { name: 'ssh-key', label: 'Key' }, own]);
    expect(all['usr/lib/pvmc/properties']?.split('\n').slice(1)).toEqual([
      '[hostname]',
      'kind=hostname',
      'max=64',
      '[ssh-key]',
      'kind=ssh-key',
      'user=root',
      '[size]',
      'kind=string',
      'choice=s',
      'choice=l',
      'required=1',
      'own=1',
      '',
    ]);
  });

  test('runs before the network', () => {
    const unit = personal(['hostname'])['usr/lib/systemd/system/pvmc-personalise.service'];
    expect(unit).toMatch(/^Before=.* systemd-networkd\.service /m);
    expect(unit).toContain('\nConditionPathExists=!/var/lib/pvmc/personalised\n');
  });
});

describe('as other programs read it', () => {
  test('mount finds the root and the EFI partition in fstab', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'fstab');
    await writeFile(path, files()['etc/fstab'] ?? '');
    const argv = ['findmnt', '--json', '--tab-file', path, '--output', 'SOURCE,TARGET,FSTYPE'];
    const { stdout } = await run([...argv, '--list']);
    expect(JSON.parse(stdout)).toEqual({
      filesystems: [
        { source: 'UUID=55555555-5555-8555-8555-555555555555', target: '/', fstype: 'ext4' },
        { source: 'UUID=12AB-34CD', target: '/boot/efi', fstype: 'vfat' },
      ],
    });
  });

  test('a shell reads the settings of GRUB and of the keyboard', async () => {
    await using folder = await temporaryFolder();
    const all = files({ keyboard: 'de' });
    for (const name of ['grub', 'keyboard']) {
      await writeFile(join(folder.path, name), all[`etc/default/${name}`] ?? '');
    }
    const script = '. ./grub; . ./keyboard; echo "$GRUB_CMDLINE_LINUX|$XKBLAYOUT|$GRUB_TIMEOUT"';
    const { stdout } = await run(['sh', '-euc', script], { cwd: folder.path });
    expect(stdout).toBe('console=ttyS0,115200 console=tty0|de|1');
  });
});

test('the plan lists what is written', () => {
  const appliance = manifestSchema.parse({ name: 'tiny', version: '1.0' });
  const lines = configure.plan(installationOf(appliance));
  expect(lines[0]).toBe('host name tiny, locale C.UTF-8, time zone Etc/UTC, keyboard us');
  expect(lines[1]).toBe('the network by DHCP');
  expect(lines[2]).toContain(' /etc/fstab ');
  const properties = guestProperties({ ...appliance, properties: ['hostname', 'network'] });
  expect(configure.plan(installationOf(appliance, { properties }))).toContain(
    'personalised at the first boot by: hostname address gateway dns',
  );
});
