import { expect, test } from 'vitest';
import { declaredProperties, environmentName, guestProperties } from './declared-properties.ts';
import { manifestSchema } from './schema.ts';

function declared(settings: object) {
  return declaredProperties(manifestSchema.parse({ name: 'shop', version: '1.0', ...settings }));
}

test('without properties there is nothing to say', () => {
  const manifest = manifestSchema.parse({ name: 'shop', version: '1.0' });
  expect(declaredProperties(manifest)).toEqual([]);
  expect(guestProperties(manifest)).toBeUndefined();
  expect(JSON.stringify(manifest)).not.toContain('properties');
});

test('network becomes three, with the appliance’s own as defaults', () => {
  const facts = (settings: object) =>
    declared({ properties: ['network'], ...settings }).map((one) => [one.key, one.default]);
  expect(facts({})).toEqual([
    ['address', 'dhcp'],
    ['gateway', undefined],
    ['dns', undefined],
  ]);
  const network = { address: '192.0.2.9/24', gateway: '192.0.2.1', dns: ['192.0.2.2', '::1'] };
  expect(facts({ network })).toEqual([
    ['address', '192.0.2.9/24'],
    ['gateway', '192.0.2.1'],
    ['dns', '192.0.2.2, ::1'],
  ]);
});

test('a key is for the only user, for root, or for who is named', () => {
  const user = (settings: object) => declared({ properties: ['ssh-key'], ...settings })[0]?.user;
  expect(user({})).toBe('root');
  expect(user({ users: [{ name: 'ada' }] })).toBe('ada');
  const users = [{ name: 'ada' }, { name: 'eve' }];
  expect(user({ users, properties: [{ name: 'ssh-key', user: 'eve' }] })).toBe('eve');
});

test('variables of properties differ', () => {
  expect(environmentName('shop-title')).toBe('PROPERTY_SHOP_TITLE');
});
