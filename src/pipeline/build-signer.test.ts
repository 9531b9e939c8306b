/** Who signs a build: the manifest, the options, the environment. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { makeCertificates } from '../appliance/testing/certificates.ts';
import { codeOf } from '../appliance/testing/fixtures.ts';
import { quietProgress } from '../system/progress.ts';
import { buildSigner } from './build-signer.ts';
import { readAppliance } from './prepare.ts';

let folder = '';
const inside = (name: string) => join(folder, name);
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pvmc-signer-'));
  await makeCertificates(folder);
});
afterAll(() => rm(folder, { recursive: true }));

async function signer(signature: string, options = {}) {
  const lines = ['name: shop', 'version: "1.0"', ...(signature ? [`signature: ${signature}`] : [])];
  await writeFile(inside('appliance.yaml'), `${lines.join('\n')}\n`);
  return buildSigner(await readAppliance(folder), options, quietProgress());
}

it('is nobody unless the manifest or an option says so', async () => {
  process.env['PVMC_SIGN_KEY'] = inside('rsa.key');
  try {
    expect(await signer('')).toBeUndefined();
    const { key } = (await signer('{ certificate: rsa.pem }')) ?? {};
    expect(key).toMatchObject({ kind: 'file', path: inside('rsa.key') });
  } finally {
    delete process.env['PVMC_SIGN_KEY'];
  }
});

it('is the key beside the manifest, or the one of the option', async () => {
  const manifest = '{ certificate: rsa.pem, key: rsa.key }';
  expect((await signer(manifest))?.key).toMatchObject({ path: inside('rsa.key') });
  const signKeyPath = inside('p256.key');
  const options = { signKeyPath, signCertificatePath: inside('p256.pem') };
  const other = await signer(manifest, options);
  expect(other?.key).toMatchObject({ path: signKeyPath });
  expect(other?.certificates[0].keyName).toBe('ECDSA P-256');
  expect((await signer('', options))?.key).toMatchObject({ path: signKeyPath });
});

it('is a command, beside the manifest if it begins with a dot', async () => {
  const command = (argv: string) => signer(`{ certificate: rsa.pem, command: [${argv}] }`);
  expect((await command('./kms, release'))?.key).toMatchObject({
    kind: 'command',
    argv: [inside('kms'), 'release'],
  });
  expect((await command('openssl, dgst'))?.key).toMatchObject({ argv: ['openssl', 'dgst'] });
});

it.each([
  ['no key at all', '{ certificate: rsa.pem }', 'sign-key-missing'],
  ['a key that is not there', '{ certificate: rsa.pem, key: nothing.key }', 'sign-key-invalid'],
  ['no certificate', '{ certificate: rsa.key, key: rsa.key }', 'sign-certificate-invalid'],
  ['a weak key', '{ certificate: weak.pem, key: weak.key }', 'sign-key-unsuited'],
  [
    'a chain of others',
    '{ certificate: rsa.pem, chain: p256.pem, key: rsa.key }',
    'sign-chain-wrong',
  ],
])('is refused before anything is made: %s', async (_, manifest, code) => {
  expect(await codeOf(signer(manifest))).toBe(code);
});
