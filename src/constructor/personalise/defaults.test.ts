/** Importers hand the defaults of all properties over, as if somebody had given them. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  ALL,
  bootWith,
  DONE,
  NETWORK,
  record,
  VALUES,
} from '../../../test/support/personalised-boot.ts';
import { environment } from '../testing/guest-root.ts';

const STATIC = {
  network: { address: '192.0.2.9/24', gateway: '192.0.2.1', dns: ['192.0.2.2', '192.0.2.3'] },
  properties: ['network', { name: 'colour', type: 'string', default: 'red' }],
};

/** As vSphere hands them over. */
const STATIC_DEFAULTS = {
  address: '192.0.2.9/24',
  gateway: '192.0.2.1',
  dns: '192.0.2.2, 192.0.2.3',
  colour: 'red',
};

describe.concurrent('defaults that an importer hands over', () => {
  test.each<[string, object, Readonly<Record<string, string>>]>([
    ['dhcp', ALL, { hostname: '', address: 'dhcp', gateway: '', workers: '4', open: 'True' }],
    ['a static network', STATIC, STATIC_DEFAULTS],
  ])('are nothing to do, and not the last word: %s', (_what, settings, defaults) =>
    bootWith(
      (guest) => guest.disc('sr0', { 'ovf-env.xml': environment(defaults) }),
      async (guest, boot) => {
        expect(boot.status).toBe(0);
        expect(boot.journal.at(-1)).toBe(
          'no values but defaults were found: all is as the appliance came',
        );
        expect(await guest.read(NETWORK)).toBeUndefined();
        expect(await guest.read('dev/ttyS0')).toBe('');
        expect(await record(guest)).toEqual({});
        expect(await guest.read(VALUES)).not.toContain('PROPERTY_ADDRESS');
        expect(await guest.read(DONE)).toBeUndefined();
        await guest.fat('sdb', { 'properties.txt': 'address=198.51.100.7/24\n' });
        await guest.boot();
        expect(await guest.read(NETWORK)).toContain('\nAddress=198.51.100.7/24\n');
        expect(await guest.read(DONE)).toBeDefined();
      },
      settings,
    ),
  );

  test('take effect where an earlier boot had set something else', () =>
    bootWith(
      async (guest) => {
        await guest.write(
          'etc/pvmc/personalise.d/x',
          '#!/bin/sh\necho $PROPERTY_COLOUR $PROPERTY_ADDRESS >>"$0.out"\n',
          0o755,
        );
        await guest.fat('sdb', {
          'properties.txt': 'address=10.0.0.5/8\ngateway=10.0.0.1\ndns=10.0.0.2\ncolour=blue\n',
        });
      },
      async (guest) => {
        expect(await record(guest)).toMatchObject({
          address: 'is 10.0.0.5/8, gateway 10.0.0.1, name servers 10.0.0.2',
        });
        await rm(join(guest.root, DONE));
        await rm(join(guest.root, 'sys/class/block/sdb'), { recursive: true });
        await guest.disc('sr0', { 'ovf-env.xml': environment(STATIC_DEFAULTS) });
        expect((await guest.boot()).status).toBe(0);
        expect(await guest.read(NETWORK)).toContain(
          '[Network]\nAddress=192.0.2.9/24\nGateway=192.0.2.1\nDNS=192.0.2.2\nDNS=192.0.2.3\n',
        );
        expect(await record(guest)).toEqual({
          address: 'is 192.0.2.9/24, gateway 192.0.2.1, name servers 192.0.2.2 192.0.2.3',
          colour: 'given by the disc /dev/sr0',
        });
        expect(await guest.read('etc/pvmc/personalise.d/x.out')).toBe(
          'blue 10.0.0.5/8\nred 192.0.2.9/24\n',
        );
        expect(await guest.read(DONE)).toBeDefined();
      },
      STATIC,
    ));

  test('dhcp takes effect after a static address, and scripts are told of no gateway', () =>
    bootWith(
      (guest) => guest.fat('sdb', { 'properties.txt': 'address=10.0.0.5/8\ngateway=10.0.0.1\n' }),
      async (guest) => {
        await rm(join(guest.root, DONE));
        await rm(join(guest.root, 'sys/class/block/sdb'), { recursive: true });
        await guest.disc('sr0', { 'ovf-env.xml': environment({ address: 'dhcp', gateway: '' }) });
        expect((await guest.boot()).status).toBe(0);
        expect(await guest.read(NETWORK)).toContain('[Network]\nDHCP=yes\n');
        expect(await guest.read(VALUES)).toContain(
          'PROPERTY_ADDRESS="dhcp"\nPROPERTY_GATEWAY=""\n',
        );
        expect(await guest.read('dev/ttyS0')).toContain('personalise: the network is dhcp\r\n');
      },
      { properties: ['network'] },
    ));

  test('of a static network do not stand in the way of dhcp', () =>
    bootWith(
      (guest) =>
        guest.disc('sr0', { 'ovf-env.xml': environment({ ...STATIC_DEFAULTS, address: 'dhcp' }) }),
      async (guest, boot) => {
        expect(boot.status).toBe(0);
        expect(await guest.read(NETWORK)).toContain(
          '[Network]\nDHCP=yes\n\n[DHCPv4]\nUseDomains=yes\n',
        );
      },
      STATIC,
    ));

  test('with another address in the same network the appliance’s own gateway and name servers stay', () =>
    bootWith(
      (guest) =>
        guest.disc('sr0', {
          'ovf-env.xml': environment({ ...STATIC_DEFAULTS, address: '192.0.2.10/24' }),
        }),
      async (guest, boot) => {
        expect(boot.status).toBe(0);
        expect(await guest.read(NETWORK)).toContain(
          '[Network]\nAddress=192.0.2.10/24\nGateway=192.0.2.1\nDNS=192.0.2.2\nDNS=192.0.2.3\n',
        );
      },
      STATIC,
    ));

  test('a default gateway that does not fit the address is left out, one that was given is refused', () =>
    bootWith(
      (guest) =>
        guest.disc('sr0', {
          'ovf-env.xml': environment({ ...STATIC_DEFAULTS, address: '10.0.0.5/8' }),
        }),
      async (guest, boot) => {
        expect(boot.status).toBe(0);
        expect(await record(guest)).toMatchObject({
          address: 'is 10.0.0.5/8, name servers 192.0.2.2 192.0.2.3',
        });
        await rm(join(guest.root, DONE));
        await guest.fat('sdb', { 'properties.txt': 'gateway=192.0.2.77\n' });
        expect((await guest.boot()).status).toBe(1);
        expect((await record(guest))['gateway']).toMatch(/^refused: it is not in the network/);
        expect(await guest.read(VALUES)).toContain('PROPERTY_GATEWAY=""');
      },
      STATIC,
    ));
});
