import { describe, expect, test } from 'vitest';
import { parseManifest } from './read.ts';
import { applianceNameOf, manifestTemplate } from './template.ts';

function read(text: string) {
  return parseManifest('appliance.yaml', new TextEncoder().encode(text)).manifest;
}

describe('the first manifest', () => {
  test('is right as it is', () => {
    const manifest = read(manifestTemplate({ name: 'shop', schema: 'x.json' }));
    expect(manifest).toMatchObject({ name: 'shop', packages: ['openssh-server'] });
    expect(manifest.users[0]).not.toHaveProperty('password-hash');
  });

  test('is right with everything that is commented out, but for the placeholders', () => {
    const text = manifestTemplate({ name: 'shop', schema: 'x.json' })
      .split('\n')
      .filter((line) => !/…|#     ssh-keys:|# ssh-keys:|# sudo:|yaml-language-server/.test(line))
      .map((line) => line.replace(/^( *)# (?=(?: {2,}|- )?(?:- )?[a-z.-]+:)/, '$1'))
      .join('\n');
    const manifest = read(text);
    expect(manifest).toMatchObject({
      vendor: { name: 'Example GmbH' },
      machine: { firmware: 'uefi' },
      network: { gateway: '192.168.1.1' },
      services: { 'apt-daily.timer': 'off' },
      scripts: [{ name: 'Say hello', run: 'echo hello' }],
      exports: ['ova', 'qcow2'],
      budget: { export: 500 * 2 ** 20 },
      properties: ['hostname', 'network', 'ssh-key'],
    });
    expect(manifest.files).toHaveLength(2);
    expect(manifest.checks).toHaveLength(3);
  });

  test('begins with the line that editors look for', () => {
    const [line] = manifestTemplate({ name: 'shop', schema: '../x.json' }).split('\n');
    expect(line).toBe('# yaml-language-server: $schema=../x.json');
  });
});

test.each([
  ['shop', 'shop'],
  ['/srv/My Shop (2)/', 'my-shop-2'],
  ['./Bücher', 'bucher'],
  ['.', 'appliance'],
  ['店', 'appliance'],
  ['x'.repeat(80), 'x'.repeat(63)],
])('the folder %j makes the name %j', (folder, name) => {
  expect(applianceNameOf(folder)).toBe(name);
  expect(read(`name: ${name}\nversion: "1"\n`).name).toBe(name);
});
