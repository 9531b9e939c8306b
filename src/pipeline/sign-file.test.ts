/** `pvmc sign` on real packages, with keys and certificates of the real openssl, which also checks what comes out. */
import { createHash } from 'node:crypto';
import { chmod, mkdir, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { makeCertificates, PASSPHRASE } from '../appliance/testing/certificates.ts';
import { codeOf, temporaryFolder } from '../appliance/testing/fixtures.ts';
import { putTogether, takeApart, withPart } from '../appliance/testing/tampering.ts';
import { lintFile } from '../lint/lint.ts';
import { DISK, MF, OVF, part, parts, withManifest } from '../lint/testing/small-appliance.ts';
import { quietProgress } from '../system/progress.ts';
import { run } from '../system/run.ts';
import { type SignResult, signFile } from './sign-file.ts';
import { type GivenSigning, signingRequest } from './signing-request.ts';

let outer: Awaited<ReturnType<typeof temporaryFolder>>;
const key = (name: string) => join(outer.path, 'keys', name);
const inside = (name: string) => join(outer.path, 'work', name);
beforeAll(async () => {
  outer = await temporaryFolder();
  await makeCertificates(key(''));
});
beforeEach(async () => {
  await rm(inside(''), { recursive: true, force: true });
  await mkdir(inside(''));
  await writeFile(inside('tiny.ova'), putTogether(parts));
});
afterAll(() => outer[Symbol.asyncDispose]());

interface Told {
  readonly notices?: string[];
  readonly environment?: NodeJS.ProcessEnv;
  readonly outputPath?: string;
  readonly signal?: AbortSignal;
}

function sign(path: string, given: GivenSigning, told: Told = {}): Promise<SignResult> {
  const { notices = [], environment = {}, outputPath } = told;
  const { signal = new AbortController().signal } = told;
  return signFile({
    path,
    options: { signing: signingRequest(given, environment), outputPath },
    emit: (event) => event.type === 'notice' && notices.push(event.line),
    signal,
  });
}

const pair = (name: string, chain?: string): GivenSigning => ({
  keyPath: key(`${name}.key`),
  certificatePath: key(chain ?? `${name}.pem`),
});

/** What openssl says of the signature in an OVA. */
async function opensslSays(ova: string): Promise<string> {
  const folder = `${ova}.apart`;
  await mkdir(folder);
  for (const { name, bytes } of await takeApart(ova)) await writeFile(join(folder, name), bytes);
  const cert = await readFile(join(folder, 'tiny-1.0.cert'), 'utf8');
  const hex = /^SHA256\(tiny-1\.0\.mf\)= ([0-9a-f]+)\n-----BEGIN/.exec(cert)?.[1] ?? '';
  await writeFile(join(folder, 'signature'), Buffer.from(hex, 'hex'));
  const inFolder = { cwd: folder };
  const publicKey = await run(
    ['openssl', 'x509', '-in', 'tiny-1.0.cert', '-pubkey', '-noout'],
    inFolder,
  );
  await writeFile(join(folder, 'public'), `${publicKey.stdout}\n`);
  const check = ['dgst', '-sha256', '-verify', 'public', '-signature', 'signature', MF];
  return (await run(['openssl', ...check], inFolder)).stdout;
}

describe('signs an OVA', () => {
  it.each([
    ['rsa', 'SHA256 with RSA 2048'],
    ['p256', 'SHA256 with ECDSA P-256'],
    ['p384', 'SHA256 with ECDSA P-384'],
  ])('with a key of the kind %s, as openssl agrees', async (name, method) => {
    const { path, signature, replaced, sha256 } = await sign(inside('tiny.ova'), pair(name));
    expect({ path, replaced }).toEqual({ path: inside('tiny.ova'), replaced: false });
    expect(signature).toMatchObject({ method, concerns: [] });
    expect(signature.signer).toMatchObject({
      subject: `CN=${name}, O=Example Ltd`,
      isSelfSigned: true,
    });
    expect(sha256).toBe(
      createHash('sha256')
        .update(await readFile(path))
        .digest('hex'),
    );
    expect(await opensslSays(path)).toBe('Verified OK');
    expect((await lintFile(path, quietProgress())).findings).toEqual([]);
  });

  it('and changes nothing else, not a bit', async () => {
    await sign(inside('tiny.ova'), pair('rsa'));
    const [ovf, mf, cert, disk] = await takeApart(inside('tiny.ova'));
    expect([ovf, mf, disk]).toEqual(parts);
    const before = putTogether(parts);
    const after = await readFile(inside('tiny.ova'));
    const room = 512 + Math.ceil((cert?.bytes.length ?? 0) / 512) * 512;
    const at = 5632;
    expect(after.subarray(0, at).equals(before.subarray(0, at))).toBe(true);
    expect(after.subarray(at + room).equals(before.subarray(at))).toBe(true);
    expect(await readdir(inside(''))).toEqual(['tiny.ova']);
  });

  it('twice with the same bits by RSA, and with others by ECDSA', async () => {
    const bytes = async (name: string, index: number) => {
      const outputPath = inside(`${name}-${index}.ova`);
      await sign(inside('tiny.ova'), pair(name), { outputPath });
      return readFile(outputPath);
    };
    expect((await bytes('rsa', 1)).equals(await bytes('rsa', 2))).toBe(true);
    expect((await bytes('p256', 1)).equals(await bytes('p256', 2))).toBe(false);
  });

  it('again, in place of another signature', async () => {
    await sign(inside('tiny.ova'), pair('p384'));
    expect((await sign(inside('tiny.ova'), pair('rsa'))).replaced).toBe(true);
    const again = await readFile(inside('tiny.ova'));
    await writeFile(inside('fresh.ova'), putTogether(parts));
    await sign(inside('fresh.ova'), pair('rsa'));
    expect(again.equals(await readFile(inside('fresh.ova')))).toBe(true);
  });

  it('whose manifest and older signature are at its end', async () => {
    const [ovf, mf, disk] = parts;
    if (!ovf || !mf || !disk) throw new Error('a part is missing');
    const old = { name: 'tiny-1.0.cert', bytes: Buffer.alloc(5000, 'x') };
    await writeFile(inside('tiny.ova'), putTogether([ovf, disk, old, mf]));
    const { replaced } = await sign(inside('tiny.ova'), pair('rsa'));
    expect(replaced).toBe(true);
    const names = (await takeApart(inside('tiny.ova'))).map(({ name }) => name);
    expect(names).toEqual([OVF, DISK, MF, 'tiny-1.0.cert']);
    expect(await opensslSays(inside('tiny.ova'))).toBe('Verified OK');
  });

  it('with the chain, in one file or in two', async () => {
    await sign(inside('tiny.ova'), pair('leaf', 'chain.pem'), { outputPath: inside('a.ova') });
    const two = { ...pair('leaf'), chainPath: key('other.pem') };
    const { signature } = await sign(inside('tiny.ova'), two, { outputPath: inside('b.ova') });
    expect(signature.signer).toMatchObject({
      subject: 'CN=leaf',
      issuer: 'CN=other, O=Example Ltd',
      isSelfSigned: false,
    });
    const certificates = async (path: string) => {
      const [, , cert] = await takeApart(path);
      return cert?.bytes.toString().replace(/^.*\n/, '');
    };
    expect(await certificates(inside('a.ova'))).toBe(await certificates(inside('b.ova')));
    const [, , cert] = await takeApart(inside('a.ova'));
    await writeFile(inside('leaf'), cert?.bytes ?? '');
    const trust = ['-CAfile', key('other.pem'), inside('leaf')];
    const { stdout } = await run(['openssl', 'verify', ...trust]);
    expect(stdout).toContain(': OK');
  });

  it('with key and certificate in one file', async () => {
    const both = await Promise.all(['rsa.key', 'rsa.pem'].map((name) => readFile(key(name))));
    await writeFile(inside('both.pem'), Buffer.concat(both), { mode: 0o600 });
    await sign(inside('tiny.ova'), { keyPath: inside('both.pem') });
    expect(await opensslSays(inside('tiny.ova'))).toBe('Verified OK');
    expect((await readFile(inside('tiny.ova'), 'latin1')).includes('PRIVATE KEY')).toBe(false);
  });

  it('as the environment says', async () => {
    const environment = {
      PVMC_SIGN_KEY: key('encrypted.key'),
      PVMC_SIGN_CERTIFICATE: key('rsa.pem'),
      PVMC_SIGN_PASSPHRASE_FILE: inside('passphrase'),
    };
    await writeFile(inside('passphrase'), `${PASSPHRASE}\n`);
    await sign(inside('tiny.ova'), {}, { environment });
    expect(await opensslSays(inside('tiny.ova'))).toBe('Verified OK');
  });

  it('keeps who may read it, and renews the digest beside it', async () => {
    await chmod(inside('tiny.ova'), 0o640);
    await writeFile(inside('tiny.ova.sha256'), 'old  tiny.ova\n');
    const { sha256 } = await sign(inside('tiny.ova'), pair('rsa'));
    expect((await stat(inside('tiny.ova'))).mode & 0o777).toBe(0o640);
    expect(await readFile(inside('tiny.ova.sha256'), 'utf8')).toBe(`${sha256}  tiny.ova\n`);
  });

  it('that a link leads to, and leaves the link', async () => {
    await symlink('tiny.ova', inside('link.ova'));
    expect((await sign(inside('link.ova'), pair('rsa'))).path).toBe(inside('tiny.ova'));
    expect(await readFile(inside('link.ova'))).toEqual(await readFile(inside('tiny.ova')));
  });

  it('with a certificate that has expired, and says so', async () => {
    const notices: string[] = [];
    const given = { keyPath: key('rsa.key'), certificatePath: key('expired.pem') };
    const { signature } = await sign(inside('tiny.ova'), given, { notices });
    expect(notices).toEqual([
      'The certificate of "CN=expired" has not been valid since 2021-01-01: importers will say so, and some will refuse.',
    ]);
    expect(signature.concerns.map(({ name }) => name)).toEqual(['certificate-dates']);
  });

  it('with a key that others can read, and says so', async () => {
    const notices: string[] = [];
    await writeFile(inside('open.key'), await readFile(key('rsa.key')));
    await chmod(inside('open.key'), 0o644);
    const given = { keyPath: inside('open.key'), certificatePath: key('rsa.pem') };
    await sign(inside('tiny.ova'), given, { notices });
    expect(notices[0]).toContain('can read the key');
  });
});

describe('an OVF', () => {
  beforeEach(async () => {
    for (const { name, bytes } of parts) await writeFile(inside(name), bytes);
  });

  it('gets its signature beside it', async () => {
    const { path, kind } = await sign(inside(OVF), pair('rsa'));
    expect({ path, kind }).toEqual({ path: inside('tiny-1.0.cert'), kind: 'ovf' });
    expect(await readFile(inside(MF))).toEqual(part(MF));
    expect((await lintFile(inside(OVF), quietProgress())).findings).toEqual([]);
    expect((await sign(inside(OVF), pair('p256'))).replaced).toBe(true);
  });

  it.each([
    ['a file that is no signature has its name', 'output-exists', {}],
    ['an output is given', 'sign-output-unclear', { outputPath: '/nowhere/x.ova' }],
  ])('does not when %s', async (_, code, told) => {
    await writeFile(inside('tiny-1.0.cert'), 'my own notes');
    expect(await codeOf(sign(inside(OVF), pair('rsa'), told))).toBe(code);
    expect(await readFile(inside('tiny-1.0.cert'), 'utf8')).toBe('my own notes');
  });
});

describe('signs nothing', () => {
  const wrong = (name: string, pem: string) => ({
    keyPath: key(name),
    certificatePath: key(pem),
  });
  const cases: readonly (readonly [string, string, () => GivenSigning])[] = [
    ['a key of another certificate', 'sign-key-mismatch', () => wrong('rsa.key', 'other.pem')],
    ['a key of another kind', 'sign-key-mismatch', () => wrong('p256.key', 'rsa.pem')],
    ['a weak key', 'sign-key-unsuited', () => pair('weak')],
    ['another curve', 'sign-key-unsuited', () => pair('p521')],
    ['Ed25519', 'sign-key-unsuited', () => pair('ed25519')],
    ['no key', 'sign-key-invalid', () => wrong('rsa.pem', 'rsa.pem')],
    ['no file of a key', 'sign-key-invalid', () => wrong('nothing', 'rsa.pem')],
    ['no certificate', 'sign-certificate-invalid', () => wrong('rsa.key', 'rsa.key')],
    ['no file of a certificate', 'sign-certificate-invalid', () => wrong('rsa.key', 'nothing')],
    ['no passphrase', 'sign-passphrase-missing', () => wrong('encrypted.key', 'rsa.pem')],
    [
      'a passphrase’s file that is not there',
      'sign-passphrase-missing',
      () => ({ ...wrong('encrypted.key', 'rsa.pem'), passphrasePath: key('nothing') }),
    ],
    [
      'another passphrase',
      'sign-passphrase-wrong',
      () => ({ ...wrong('encrypted.key', 'rsa.pem'), passphrasePath: key('rsa.pem') }),
    ],
    [
      'a chain of others',
      'sign-chain-wrong',
      () => ({ ...pair('leaf'), chainPath: key('p256.pem') }),
    ],
  ];
  it.each(cases)('with %s (%s)', async (_, code, given) => {
    expect(await codeOf(sign(inside('tiny.ova'), given()))).toBe(code);
    expect((await readFile(inside('tiny.ova'))).equals(putTogether(parts))).toBe(true);
    expect(await readdir(inside(''))).toEqual(['tiny.ova']);
  });

  it('without a key, with two of them, and without a certificate', () => {
    const code = (given: GivenSigning) => codeOf(Promise.resolve().then(() => sign('x', given)));
    return Promise.all([
      expect(code({})).resolves.toBe('sign-key-missing'),
      expect(code({ keyPath: '/k', argv: ['true'] })).resolves.toBe('sign-key-missing'),
      expect(code({ argv: ['true'] })).resolves.toBe('sign-certificate-missing'),
    ]);
  });

  it('of a key says nothing that stands in it', async () => {
    await writeFile(
      inside('bad.key'),
      '-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n',
    );
    const given = { keyPath: inside('bad.key'), certificatePath: key('rsa.pem') };
    const error: unknown = await sign(inside('tiny.ova'), given).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'sign-key-invalid' });
    expect(JSON.stringify([error, String(error)])).not.toMatch(/c2VjcmV0|secret/);
  });

  const packages: readonly (readonly [string, string, () => Buffer])[] = [
    [
      'no manifest',
      'ova-digests-missing',
      () => putTogether(parts.filter(({ name }) => name !== MF)),
    ],
    [
      'SHA1 digests',
      'ova-digests-invalid',
      () =>
        withManifest((text) => text.replaceAll('SHA256', 'SHA1').replace(/= (.{40}).*/g, '= $1')),
    ],
    [
      'SHA512 digests',
      'sign-digests-unsuited',
      () =>
        withManifest(() =>
          [OVF, DISK]
            .map((name) => {
              const digest = createHash('sha512').update(part(name)).digest('hex');
              return `SHA512(${name})= ${digest}\n`;
            })
            .join(''),
        ),
    ],
    [
      'a wrong digest',
      'ova-digest-wrong',
      () => {
        const changed = withPart(parts, DISK, Buffer.from('another disk'));
        return putTogether(
          changed.map((one) => (one.name === MF ? { ...one, bytes: part(MF) } : one)),
        );
      },
    ],
    ['what is no OVA', 'ova-not-tar', () => Buffer.alloc(2000, 'PK')],
  ];
  it.each(packages)('of a package with %s (%s)', async (_, code, bytes) => {
    await writeFile(inside('tiny.ova'), bytes());
    expect(await codeOf(sign(inside('tiny.ova'), pair('rsa')))).toBe(code);
  });

  it('over a file that is there', async () => {
    await writeFile(inside('other.ova'), 'mine');
    const told = { outputPath: inside('other.ova') };
    expect(await codeOf(sign(inside('tiny.ova'), pair('rsa'), told))).toBe('output-exists');
    expect(await readFile(inside('other.ova'), 'utf8')).toBe('mine');
  });

  it('when it was ended, and leaves nothing', async () => {
    const signal = AbortSignal.abort(new Error('ended'));
    await expect(sign(inside('tiny.ova'), pair('rsa'), { signal })).rejects.toThrow('ended');
    expect(await readdir(inside(''))).toEqual(['tiny.ova']);
  });
});

describe('a command signs', () => {
  const by = (name: string, ...argv: readonly string[]): GivenSigning => ({
    argv,
    certificatePath: key(`${name}.pem`),
  });
  const openssl = (name: string) => ['openssl', 'dgst', '-sha256', '-sign', key(`${name}.key`)];

  it.each(['rsa', 'p256', 'p384'])('as openssl does with %s', async (name) => {
    await sign(inside('tiny.ova'), by(name, ...openssl(name)));
    expect(await opensslSays(inside('tiny.ova'))).toBe('Verified OK');
  });

  /** A script, as people write one around the tool of a cloud. */
  async function script(text: string): Promise<string> {
    const path = inside('sign-it');
    await writeFile(path, `#!/bin/sh\n${text}\n`, { mode: 0o755 });
    return path;
  }

  it('and may answer in base64 or in hexadecimal', async () => {
    const signing = openssl('rsa').join(' ');
    for (const form of ['base64', 'od -An -v -tx1']) {
      await sign(inside('tiny.ova'), by('rsa', await script(`${signing} | ${form}`)));
      await rm(`${inside('tiny.ova')}.apart`, { recursive: true, force: true });
      expect(await opensslSays(inside('tiny.ova'))).toBe('Verified OK');
    }
  });

  it.each(['p256', 'p384'])('and may answer with two bare numbers, with %s', async (name) => {
    const program =
      `const c=require('crypto'),f=require('fs');process.stdout.write(c.sign('sha256',f.readFileSync(0),` +
      `{key:f.readFileSync(process.argv[1]),dsaEncoding:'ieee-p1363'}))`;
    // Some of the numbers begin with zeros or with a bit that is a sign.
    for (let tries = 0; tries < 8; tries += 1) {
      const argv = [process.execPath, '-e', program, key(`${name}.key`)];
      await sign(inside('tiny.ova'), by(name, ...argv));
      await rm(`${inside('tiny.ova')}.apart`, { recursive: true, force: true });
      expect(await opensslSays(inside('tiny.ova'))).toBe('Verified OK');
    }
  });

  it('with the environment that it needs', async () => {
    process.env['TEST_KMS_KEY'] = key('rsa.key');
    try {
      const path = await script('exec openssl dgst -sha256 -sign "$TEST_KMS_KEY"');
      await sign(inside('tiny.ova'), by('rsa', path));
    } finally {
      delete process.env['TEST_KMS_KEY'];
    }
    expect(await opensslSays(inside('tiny.ova'))).toBe('Verified OK');
  });

  it.each([
    ['does not know the key', 'echo "no such key: 1234" >&2; exit 3', 'sign-command-failed'],
    ['writes something else', 'echo signed', 'sign-signature-wrong'],
    ['writes nothing', ':', 'sign-signature-wrong'],
    ['writes without end', 'exec yes', 'sign-command-failed'],
  ])('or fails, if it %s', async (_, text, code) => {
    expect(await codeOf(sign(inside('tiny.ova'), by('rsa', await script(text))))).toBe(code);
    expect((await readFile(inside('tiny.ova'))).equals(putTogether(parts))).toBe(true);
  });

  it('or fails with its words, but without its arguments', async () => {
    const path = await script('echo "the token is locked" >&2; exit 1');
    const given = by('rsa', path, '--pin', '123456');
    const error: unknown = await sign(inside('tiny.ova'), given).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      code: 'sign-command-failed',
      message: 'the command that signs has failed: sign-it failed with exit status 1',
      details: ['the token is locked'],
    });
    expect(JSON.stringify(error)).not.toContain('123456');
  });

  it('or is not there', async () => {
    const given = by('rsa', '/nowhere/sign');
    expect(await codeOf(sign(inside('tiny.ova'), given))).toBe('sign-command-failed');
  });

  it('or is ended when it takes too long', async () => {
    const given = { ...by('rsa', 'sleep', '1000'), timeoutSeconds: 0.2 };
    expect(await codeOf(sign(inside('tiny.ova'), given))).toBe('sign-command-slow');
  });

  it('or signs with the key of another certificate', async () => {
    const given = by('other', ...openssl('rsa'));
    expect(await codeOf(sign(inside('tiny.ova'), given))).toBe('sign-signature-wrong');
  });
});
