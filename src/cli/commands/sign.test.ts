/** `pvmc sign` as a user runs it. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { makeCertificates } from '../../appliance/testing/certificates.ts';
import { temporaryFolder } from '../../appliance/testing/fixtures.ts';
import { putTogether, takeApart } from '../../appliance/testing/tampering.ts';
import { parts } from '../../lint/testing/small-appliance.ts';
import { signFile } from '../../pipeline/sign-file.ts';
import { runCommandLine } from '../command-line.ts';
import { standIn } from '../testing/stand-in.ts';
import { FakeTerminal, surroundingsOf } from '../testing/terminal.ts';

let outer: Awaited<ReturnType<typeof temporaryFolder>>;
const inside = (name: string) => join(outer.path, name);
beforeAll(async () => {
  outer = await temporaryFolder();
  await makeCertificates(outer.path);
  await writeFile(inside('shop.ova'), putTogether(parts));
});
afterAll(() => outer[Symbol.asyncDispose]());

async function sign(...args: readonly string[]) {
  const stdout = new FakeTerminal({ isTTY: false });
  const stderr = new FakeTerminal({ isTTY: false });
  const surroundings = surroundingsOf(stdout, { stderr, workingFolder: outer.path });
  const { signal } = new AbortController();
  const interruption = { signal, tell: () => {}, abandon: () => {}, dispose: () => {} };
  // Starts no machine, so it is the real one.
  const program = { ...standIn(), signFile };
  const status = await runCommandLine(['sign', ...args], { program, surroundings, interruption });
  return { status, stdout: stdout.written, stderr: stderr.written };
}

const RSA = ['--key', 'rsa.key', '--certificate', 'rsa.pem'];

it('says who has signed what', async () => {
  const { status, stdout } = await sign(inside('shop.ova'), ...RSA, '-o', 'signed.ova');
  expect(
    stdout.replaceAll(/\d{4}-\d\d-\d\d|[0-9A-F]{2}(:[0-9A-F]{2}){31}|[0-9a-f]{64}/g, '…'),
  ).toBe(
    [
      '✓ signed.ova is signed',
      '',
      '  by           CN=rsa, O=Example Ltd, self-signed, valid until …; SHA256 with RSA 2048',
      '  certificate  SHA-256 …',
      '  sha256       …',
      '',
    ].join('\n'),
  );
  expect(status).toBe(0);
  const names = (await takeApart(inside('signed.ova'))).map(({ name }) => name);
  expect(names).toEqual(['tiny-1.0.ovf', 'tiny-1.0.mf', 'tiny-1.0.cert', 'tiny-1.0-disk1.vmdk']);
  expect((await readFile(inside('shop.ova'))).equals(putTogether(parts))).toBe(true);
});

it('lets a command sign, whose options are its own', async () => {
  const command = ['--', 'openssl', 'dgst', '-sha256', '-sign', inside('p256.key')];
  const wanted = ['--certificate', 'p256.pem', '-o', 'by-command.ova', '--json'];
  const { status, stdout } = await sign(inside('shop.ova'), ...wanted, ...command);
  expect(status).toBe(0);
  expect(JSON.parse(stdout.trim().split('\n').at(-1) ?? '')).toMatchObject({
    type: 'signed',
    path: inside('by-command.ova'),
    kind: 'ova',
    replaced: false,
    signature: {
      name: 'tiny-1.0.cert',
      method: 'SHA256 with ECDSA P-256',
      subject: 'CN=p256, O=Example Ltd',
      isSelfSigned: true,
      concerns: [],
    },
  });
});

it.each([
  [[], 'pvmc sign needs APPLIANCE', 2],
  [['shop.ova'], 'nothing was given to sign with', 2],
  [['shop.ova', ...RSA, '--timeout', 'soon'], '"soon" is no value for --timeout', 2],
  [['nothing.ova', ...RSA], 'file-missing', 9],
])('refuses %j', async (args, told, status) => {
  const found = args.map((one) => (one === 'shop.ova' ? inside(one) : one));
  const result = await sign(...found);
  expect(result.stderr).toContain(told);
  expect(result.status).toBe(status);
});
