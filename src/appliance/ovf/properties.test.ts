/** What is written is read again, and is what the DMTF's schema allows. */
import { describe, expect, test } from 'vitest';
import { makeManifest } from '../testing/fixtures.ts';
import { ovfDescriptor } from './descriptor.ts';
import { machineFacts } from './facts.ts';
import type { PropertyFacts } from './property-facts.ts';
import { parseDescriptor, validateDescriptor } from './schema.ts';

const DISK = { fileName: 'a.vmdk', sizeBytes: 1, capacityBytes: 2 ** 30, populatedBytes: 1 };

const PROPERTIES = [
  'hostname',
  'network',
  { name: 'ssh-key', required: true },
  { name: 'password', 'min-length': 8, required: true },
  { name: 'title', type: 'string', default: 'a "b" <c> & d', 'max-length': 20, label: 'The title' },
  { name: 'size', type: 'string', choices: ['small', 'large'] },
  { name: 'workers', type: 'int', min: -1, max: 4, default: 2 },
  { name: 'open', type: 'boolean', default: true },
];

/** The descriptor's text, and what is read from it; it is valid, or this throws. */
async function written(
  settings: object,
): Promise<{ text: string; read: readonly PropertyFacts[] }> {
  const text = ovfDescriptor(makeManifest(settings), DISK);
  using descriptor = await parseDescriptor('a.ovf', Buffer.from(text));
  const { properties } = machineFacts(descriptor);
  await validateDescriptor(descriptor);
  return { text, read: properties };
}

describe('a descriptor', () => {
  test('without properties has no drive, no transport and none of them', async () => {
    const { text, read } = await written({});
    expect(text).not.toMatch(/transport|Property|ResourceType>(?:5|15)</);
    expect(read).toEqual([]);
  });

  test.each(['bios', 'uefi'])('with properties is valid, for %s', async (firmware) => {
    const { text } = await written({ properties: PROPERTIES, machine: { firmware } });
    expect(text).toContain('<VirtualHardwareSection ovf:transport="iso com.vmware.guestInfo">');
    expect(text).toContain('<rasd:ResourceType>15</rasd:ResourceType>');
    expect(text.includes('type="DVD"')).toBe(firmware === 'uefi');
  });

  test('says of each what it can be', async () => {
    const { read } = await written({ properties: PROPERTIES });
    const facts = Object.fromEntries(read.map(({ key, ...rest }) => [key, rest]));
    expect(Object.keys(facts)).toEqual([
      'hostname',
      'ssh-key',
      'password',
      'address',
      'gateway',
      'dns',
      'title',
      'size',
      'workers',
      'open',
    ]);
    expect(read.every((one) => one.isConfigurable)).toBe(true);
    expect(facts['hostname']?.limits).toMatchObject({ maxLength: 64 });
    expect(facts['ssh-key']?.limits).toMatchObject({ minLength: 1 });
    expect(facts['password']).toMatchObject({
      isPassword: true,
      limits: { minLength: 8, maxLength: 511 },
    });
    expect(facts['address']?.default).toBe('dhcp');
    expect(facts['title']).toMatchObject({ default: 'a "b" <c> & d', label: 'The title' });
    expect(facts['size']?.limits.choices).toEqual(['small', 'large']);
    expect(facts['workers']).toMatchObject({
      type: 'int',
      default: '2',
      limits: { min: -1, max: 4 },
    });
    expect(facts['open']).toMatchObject({ type: 'boolean', default: 'True' });
  });

  test('of somebody else gives keys their class and instance', async () => {
    const { text } = await written({ properties: ['hostname'] });
    const foreign = text.replace(
      '<ProductSection>',
      '<ProductSection ovf:class="a.b" ovf:instance="1">',
    );
    using descriptor = await parseDescriptor('a.ovf', Buffer.from(foreign));
    expect(machineFacts(descriptor).properties.map(({ key }) => key)).toEqual(['a.b.hostname.1']);
  });
});
