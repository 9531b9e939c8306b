/** Exports that are signed as they are written: once, from one read of the disk. */
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { quietProgress } from '../../system/progress.ts';
import { openOva } from '../read-ova.ts';
import { makeCertificates } from '../testing/certificates.ts';
import { codeOf, exportTiny, makeDisk, temporaryFolder } from '../testing/fixtures.ts';
import { takeApart } from '../testing/tampering.ts';
import { checkSignature } from './check-signature.ts';
import { openSigner } from './signer.ts';

let outer: Awaited<ReturnType<typeof temporaryFolder>>;
const inside = (name: string) => join(outer.path, name);
beforeAll(async () => {
  outer = await temporaryFolder();
  await makeCertificates(inside('keys'));
  await makeDisk(inside('disk.raw'));
});
afterAll(() => outer[Symbol.asyncDispose]());

async function signed(folder: string, key?: string, certificate = key) {
  await mkdir(inside(folder));
  const passphrase = { from: 'file', path: '/nowhere' } as const;
  const signer =
    key === undefined
      ? undefined
      : await openSigner(
          {
            certificatePath: inside(`keys/${certificate}.pem`),
            key: { kind: 'file', path: inside(`keys/${key}.key`), passphrase },
          },
          quietProgress(),
        );
  const formats = ['ova', 'ovf'] as const;
  const outputFolder = inside(folder);
  return exportTiny({ diskPath: inside('disk.raw'), outputFolder, formats, signer });
}

const part = async (folder: string, ending: string) =>
  (await takeApart(inside(`${folder}/tiny-1.0.ova`))).find(({ name }) => name.endsWith(ending));

it.each(['rsa', 'p256', 'p384'])('with a key of the kind %s', async (key) => {
  const files = await signed(key, key);
  await using ova = await openOva(inside(`${key}/tiny-1.0.ova`));
  expect(ova.members.map(({ name }) => name)).toEqual([
    'tiny-1.0.ovf',
    'tiny-1.0.mf',
    'tiny-1.0.cert',
    'tiny-1.0-disk1.vmdk',
  ]);
  const report = () => {
    throw new Error('it is wrong');
  };
  const signature = await checkSignature(ova.members, report);
  expect(signature).toMatchObject({
    signer: { subject: `CN=${key}, O=Example Ltd` },
    concerns: [],
  });
  const names = files.map(({ path }) => path.slice(inside(key).length + 1));
  expect(names).toContain('tiny-1.0-ovf/tiny-1.0.cert');
});

it('changes nothing else, and signs with the same bits again by RSA', async () => {
  await signed('plain');
  await signed('one', 'rsa');
  await signed('two', 'rsa');
  const ova = (folder: string) => readFile(inside(`${folder}/tiny-1.0.ova`));
  expect((await ova('one')).equals(await ova('two'))).toBe(true);
  for (const ending of ['.ovf', '.mf', '.vmdk'])
    expect(await part('one', ending)).toEqual(await part('plain', ending));
  const beside = await readFile(inside('one/tiny-1.0-ovf/tiny-1.0.cert'));
  expect((await part('one', '.cert'))?.bytes.toString().trimEnd()).toBe(
    beside.toString().trimEnd(),
  );
  expect(await part('plain', '.cert')).toBeUndefined();
});

it('fails before anything is written when the key is another one', async () => {
  expect(await codeOf(signed('wrong', 'rsa', 'other'))).toBe('sign-key-mismatch');
  expect(await readdir(inside('wrong'))).toEqual([]);
});

it('fails, and leaves nothing, when the passphrase is missing', async () => {
  expect(await codeOf(signed('locked', 'encrypted', 'rsa'))).toBe('sign-passphrase-missing');
  expect(await readdir(inside('locked'))).toEqual([]);
});
