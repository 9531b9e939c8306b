import { expect, test } from 'vitest';
import { diskKey, installKey, scratchUuid } from './input-keys.ts';
import {
  INSTALLATION_MANIFEST_VERSION,
  type InstallationManifest,
  type ResolvedPackage,
} from './installation-manifest.ts';
import { type Manifest, manifestSchema } from './schema.ts';

function one(name: string, changes: Partial<ResolvedPackage> = {}): ResolvedPackage {
  const file = { url: `http://mirror/${name}.deb`, sizeBytes: 1000, installedBytes: 4000 };
  return { name, version: '1', architecture: 'amd64', sha256: name, batch: 0, ...file, ...changes };
}

const HELLO: InstallationManifest = {
  version: INSTALLATION_MANIFEST_VERSION,
  pvmc: '0.1.0',
  appliance: manifestSchema.parse({ name: 'hello', version: '1.0' }),
  sourceDateEpoch: 1_700_000_000,
  packages: [one('libc6'), one('dpkg')],
  identifiers: {
    diskGuid: '11111111-1111-8111-8111-111111111111',
    biosBootGuid: '22222222-2222-8222-8222-222222222222',
    espGuid: '33333333-3333-8333-8333-333333333333',
    rootPartitionGuid: '44444444-4444-8444-8444-444444444444',
    rootUuid: '55555555-5555-8555-8555-555555555555',
    rootHashSeed: '66666666-6666-8666-8666-666666666666',
    espSerial: '12ab34cd',
  },
  files: [],
  scripts: [],
  aptSources: { text: 'Types: deb\n', keyrings: [] },
};

function keys(changed: InstallationManifest): string {
  const install = installKey(changed) !== installKey(HELLO);
  const disk = diskKey(changed) !== diskKey(HELLO);
  return [install ? 'install' : '', disk ? 'disk' : ''].filter(Boolean).join(' and ');
}

function appliance(changes: Partial<Manifest>): InstallationManifest {
  return { ...HELLO, appliance: { ...HELLO.appliance, ...changes } };
}

const { machine } = HELLO.appliance;
const { identifiers } = HELLO;

test.each<[string, InstallationManifest, string]>([
  ['nothing', { ...HELLO }, ''],
  ['the description', appliance({ description: 'Says hello' }), ''],
  ['the vendor', appliance({ vendor: { name: 'Example' } }), ''],
  ['the exports', appliance({ exports: ['raw'] }), ''],
  ['the checks', appliance({ checks: [{ port: 22 }] }), ''],
  ['memory and processors', appliance({ machine: { ...machine, memory: 2 ** 31, cpus: 7 } }), ''],
  ['the firmware', appliance({ machine: { ...machine, firmware: 'uefi' } }), ''],
  ['the mirror', { ...HELLO, packages: [one('libc6', { url: 'http://x/a' }), one('dpkg')] }, ''],
  ['the host name', appliance({ hostname: 'other' }), 'disk'],
  ['a service', appliance({ services: { nginx: 'off' } }), 'disk'],
  ['an identifier', { ...HELLO, identifiers: { ...identifiers, rootUuid: '7' } }, 'disk'],
  ['a script', { ...HELLO, scripts: [{ name: 'x', payload: 'scripts/0' }] }, 'disk'],
  ['the sources', { ...HELLO, aptSources: { text: '', keyrings: [] } }, 'disk'],
  [
    'a property that the guest knows',
    { ...HELLO, properties: [{ key: 'hostname', kind: 'hostname', required: false, own: false }] },
    'disk',
  ],
  ['no property', { ...HELLO, properties: undefined }, ''],
  ['the disk', appliance({ machine: { ...machine, disk: 2 ** 34 } }), 'install and disk'],
  ['the epoch', { ...HELLO, sourceDateEpoch: 1 }, 'install and disk'],
  ['a package', { ...HELLO, packages: [one('libc6')] }, 'install and disk'],
  [
    'a package’s file',
    { ...HELLO, packages: [one('libc6', { sha256: 'x' }), one('dpkg')] },
    'install and disk',
  ],
  [
    'a batch',
    { ...HELLO, packages: [one('libc6'), one('dpkg', { batch: 1 })] },
    'install and disk',
  ],
  ['their order', { ...HELLO, packages: [one('dpkg'), one('libc6')] }, 'install and disk'],
])('%s, when it changes, changes the right keys', (_what, changed, expected) => {
  expect(keys(changed)).toBe(expected);
});

test('the scratch file system is known by its UUID', () => {
  expect(scratchUuid(HELLO)).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-/);
  expect(scratchUuid(appliance({ hostname: 'other' }))).toBe(scratchUuid(HELLO));
  expect(scratchUuid({ ...HELLO, sourceDateEpoch: 1 })).not.toBe(scratchUuid(HELLO));
});
