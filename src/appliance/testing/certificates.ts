/** Keys and certificates for the tests, made by the real openssl each time: no key lies in the repository. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../../system/run.ts';
import { temporaryFolder } from './fixtures.ts';

const ALGORITHMS = {
  rsa: ['rsa:2048'],
  other: ['rsa:2048'],
  weak: ['rsa:1024'],
  p256: ['ec', '-pkeyopt', 'ec_paramgen_curve:P-256'],
  p384: ['ec', '-pkeyopt', 'ec_paramgen_curve:P-384'],
  p521: ['ec', '-pkeyopt', 'ec_paramgen_curve:P-521'],
  ed25519: ['ed25519'],
} as const;

export const PASSPHRASE = 'correct horse';

/**
 * Writes NAME.key and NAME.pem, self-signed, for each kind of key into the folder; `expired.pem` and `future.pem`
 * of the key `rsa`; `encrypted.key`, which is the key `rsa` with a
 * passphrase, and `chain.pem`, which is `leaf.pem` with what has issued it.
 */
export async function makeCertificates(folder: string): Promise<void> {
  const openssl = (...args: readonly string[]) => run(['openssl', ...args], { cwd: folder });
  await mkdir(folder, { recursive: true });
  for (const [name, algorithm] of Object.entries(ALGORITHMS)) {
    const files = ['-keyout', `${name}.key`, '-out', `${name}.pem`];
    const subject = ['-days', '3650', '-subj', `/O=Example Ltd/CN=${name}`];
    await openssl('req', '-x509', '-newkey', ...algorithm, '-nodes', ...files, ...subject);
  }
  const pass = ['-aes256', '-passout', `pass:${PASSPHRASE}`];
  await openssl('pkey', '-in', 'rsa.key', ...pass, '-out', 'encrypted.key');
  await makeDated(folder, 'expired', ['20200101000000Z', '20210101000000Z']);
  await makeDated(folder, 'future', ['20990101000000Z', '21000101000000Z']);
  const curve = ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256'];
  await openssl('genpkey', ...curve, '-out', 'leaf.key');
  await openssl('req', '-new', '-key', 'leaf.key', '-subj', '/CN=leaf', '-out', 'leaf.csr');
  const ca = ['-CA', 'other.pem', '-CAkey', 'other.key', '-set_serial', '7', '-days', '3650'];
  await openssl('x509', '-req', '-in', 'leaf.csr', ...ca, '-out', 'leaf.pem');
  const chain = ['leaf.pem', 'other.pem'].map((name) => readFile(join(folder, name)));
  await writeFile(join(folder, 'chain.pem'), Buffer.concat(await Promise.all(chain)));
}

/** Only `openssl ca` can say both dates. */
async function makeDated(
  folder: string,
  name: string,
  [start, end]: readonly [string, string],
): Promise<void> {
  const place = join(folder, `${name}-ca`);
  await mkdir(place);
  await writeFile(join(place, 'index'), '');
  await writeFile(join(place, 'serial'), '01\n');
  const settings = [
    '[ca]\ndefault_ca = d\n[d]',
    `database = ${place}/index\nserial = ${place}/serial\nnew_certs_dir = ${place}`,
    'default_md = sha256\npolicy = p\n[p]\ncommonName = supplied\n',
  ];
  await writeFile(join(place, 'settings'), settings.join('\n'));
  const request = join(place, 'request');
  await run(
    ['openssl', 'req', '-new', '-key', 'rsa.key', '-subj', `/CN=${name}`, '-out', request],
    {
      cwd: folder,
    },
  );
  const dates = ['-startdate', start, '-enddate', end];
  const files = ['-keyfile', 'rsa.key', '-in', request, '-out', `${name}.pem`];
  const options = ['-config', join(place, 'settings'), '-selfsign', '-batch', '-notext'];
  await run(['openssl', 'ca', ...options, ...dates, ...files], { cwd: folder });
}

/** The texts of the certificates and the keys, from a folder that is gone again. */
export async function certificateTexts(): Promise<(name: string) => string> {
  await using folder = await temporaryFolder();
  await makeCertificates(folder.path);
  const names = ['rsa', 'other', 'weak', 'p256', 'p384'].flatMap((name) => [
    `${name}.key`,
    `${name}.pem`,
  ]);
  const texts = new Map<string, string>();
  for (const name of [...names, 'leaf.key', 'leaf.pem', 'chain.pem', 'expired.pem', 'future.pem'])
    texts.set(name, await readFile(join(folder.path, name), 'utf8'));
  return (name) => texts.get(name) ?? '';
}
