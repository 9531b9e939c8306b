/**
 * What VirtualBox makes of our signatures: it imports what is signed, and refuses what was signed by another
 * key or changed afterwards. No machine is started.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { makeCertificates } from '../../src/appliance/testing/certificates.ts';
import { exportTiny, makeDisk } from '../../src/appliance/testing/fixtures.ts';
import { putTogether, takeApart } from '../../src/appliance/testing/tampering.ts';
import { signFile } from '../../src/pipeline/sign-file.ts';
import { signingRequest } from '../../src/pipeline/signing-request.ts';
import { TestVirtualBox, whyNoVirtualBox } from '../support/virtualbox/test-virtualbox.ts';

let skipped: string | undefined;
let virtualbox: TestVirtualBox;

beforeAll(async () => {
  skipped = await whyNoVirtualBox();
});
beforeEach(async ({ skip }) => {
  if (skipped !== undefined) skip(skipped);
  virtualbox = await TestVirtualBox.install();
});
afterEach(async () => {
  await virtualbox?.remove();
});

const inside = (name: string) => join(virtualbox.folder, name);

/** An export of ours, signed with this key. */
async function signed(name: string, pem = `${name}.pem`): Promise<string> {
  await makeCertificates(inside('keys'));
  await makeDisk(inside('disk.raw'));
  await exportTiny({ diskPath: inside('disk.raw'), outputFolder: virtualbox.folder });
  const path = inside('tiny-1.0.ova');
  const keyPath = inside(`keys/${name}.key`);
  const signing = signingRequest({ keyPath, certificatePath: inside(`keys/${pem}`) }, {});
  const { signal } = new AbortController();
  await signFile({ path, options: { signing }, emit: () => {}, signal });
  return path;
}

/** The same with another signature. */
async function tampered(path: string, edit: (cert: string) => string): Promise<string> {
  const parts = await takeApart(path);
  const changed = parts.map((one) =>
    one.name.endsWith('.cert') ? { ...one, bytes: Buffer.from(edit(one.bytes.toString())) } : one,
  );
  await writeFile(path, putTogether(changed));
  return path;
}

test.each([
  ['rsa', 'rsa.pem', 'A self signed certificate was used to sign'],
  ['p256', 'p256.pem', 'A self signed certificate was used to sign'],
  ['p384', 'p384.pem', 'A self signed certificate was used to sign'],
  ['leaf', 'chain.pem', 'No trusted certificate paths'],
  ['rsa', 'expired.pem', 'is not currently valid'],
])('imports what %s has signed, with the certificate %s', async (key, pem, says) => {
  const path = await signed(key, pem);
  const rehearsal = await virtualbox.manage('import', path, '--dry-run');
  expect(rehearsal.stdout + rehearsal.stderr).toContain(says);
  await virtualbox.manage('import', path, '--vsys', '0', '--vmname', 'again');
  expect((await virtualbox.manage('list', 'vms')).stdout).toContain('"again"');
});

test.each([
  ['rsa', 'The manifest signature does not match'],
  ['p256', 'Error validating the manifest signature'],
])('refuses a signature by %s that is over something else', async (key, says) => {
  const path = await signed(key);
  await tampered(path, (cert) => cert.replace(/(= .*)(..)\n/, flipLast));
  await expectRefused(path, says);
});

function flipLast(_: string, before: string, last: string): string {
  const flipped = (Number.parseInt(last, 16) ^ 1).toString(16).padStart(2, '0');
  return `${before}${flipped}\n`;
}

test('refuses a signature of a manifest of another name', async () => {
  const path = await tampered(await signed('rsa'), (cert) =>
    cert.replace('tiny-1.0.mf', 'other.mf'),
  );
  await expectRefused(path, 'Could not locate signed digest');
});

test('refuses a signature without a certificate', async () => {
  const path = await tampered(await signed('rsa'), (cert) => cert.replace(/-----BEGIN[^]*/, ''));
  await expectRefused(path, 'Malformed .cert-file');
});

async function expectRefused(path: string, says: string): Promise<void> {
  await expect(virtualbox.manage('import', path, '--dry-run')).rejects.toMatchObject({
    details: expect.arrayContaining([expect.stringContaining(says)]),
  });
}
