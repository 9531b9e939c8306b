/** The whole of verify on real files: exported, damaged, read back. The machines are simulated. */
import { sign } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { makeCertificates } from '../appliance/testing/certificates.ts';
import { exportTiny, makeDisk, temporaryFolder } from '../appliance/testing/fixtures.ts';
import { putTogether, takeApart } from '../appliance/testing/tampering.ts';
import { quietProgress } from '../system/progress.ts';
import type { VerifyProgress } from './progress.ts';
import { verificationFailure } from './report.ts';
import { SimulatedHypervisor } from './simulated-hypervisor.test-support.ts';
import { verifyAppliance } from './verify.ts';

const hypervisor = () =>
  new SimulatedHypervisor(async ({ print, say, button, end }) => {
    await print('tiny login: ');
    say({ type: 'up', uptime: 1, state: 'running', failed: '', journal: '' });
    say({ type: 'done', uptime: 2, failed: '', journal: '' });
    await button;
    end({ type: 'stopped', by: 'guest' });
  });

async function exported(folder: string): Promise<string> {
  await makeDisk(join(folder, 'disk'));
  await exportTiny({ diskPath: join(folder, 'disk'), outputFolder: folder });
  return join(folder, 'tiny-1.0.ova');
}

async function verify(ovaPath: string, machines = hypervisor()) {
  const titles: string[] = [];
  const progress: VerifyProgress = {
    ...quietProgress(),
    heard: () => {},
    step: ({ index, count, title }) => titles.push(`${index} of ${count}: ${title}`),
  };
  const workFolder = `${ovaPath}.verify`;
  const request = { packagePath: ovaPath, checks: [], hypervisor: machines, workFolder };
  const report = await verifyAppliance(request, progress);
  return { report, titles, machines };
}

describe('an exported file', () => {
  it('passes, is booted as it describes itself, and leaves the report and the pictures', async () => {
    await using folder = await temporaryFolder();
    const { report, titles, machines } = await verify(await exported(folder.path));
    expect(report.checks.map(({ name, outcome }) => `${name}: ${outcome}`)).toEqual([
      'digests: passed',
      'descriptor: passed',
      'disk: passed',
      'boots under BIOS: passed',
      'powers off when asked, under BIOS: passed',
      'boots under UEFI: passed',
      'powers off when asked, under UEFI: passed',
    ]);
    expect(verificationFailure(report, 'tiny.ova')).toBeUndefined();
    expect(titles[0]).toBe('1 of 9: Compare the digests');
    expect(titles.at(-1)).toBe('9 of 9: Press the power button under UEFI');
    expect(machines.specifications).toHaveLength(2);
    expect(machines.specifications[0]?.memoryBytes).toBe(2 ** 30);
    expect((await readdir(report.folder)).sort()).toEqual(['bios', 'report.json', 'uefi']);
    expect(JSON.parse(await readFile(join(report.folder, 'report.json'), 'utf8'))).toMatchObject({
      screenshots: [join(report.folder, 'bios/screen.png'), join(report.folder, 'uefi/screen.png')],
    });
  });

  it('passes as an OVF with its files beside it, and fails when one of them is another', async () => {
    await using folder = await temporaryFolder();
    await makeDisk(join(folder.path, 'disk'));
    const [ovf, , disk] = await exportTiny({
      diskPath: join(folder.path, 'disk'),
      outputFolder: folder.path,
      formats: ['ovf'],
    });
    const path = ovf?.path ?? '';
    const good = await verify(path);
    expect(good.report.checks.map(({ outcome }) => outcome)).toEqual(Array(7).fill('passed'));
    expect(good.machines.specifications).toHaveLength(2);
    const bytes = await readFile(disk?.path ?? '');
    bytes.writeUInt8(bytes.readUInt8(70_000) ^ 1, 70_000);
    await writeFile(disk?.path ?? '', bytes);
    const bad = await verify(path);
    expect(bad.report.checks[0]).toMatchObject({ name: 'digests', outcome: 'failed' });
    expect(bad.machines.specifications).toEqual([]);
  });

  it('fails when a byte of it is another, and is not booted then', async () => {
    await using folder = await temporaryFolder();
    const path = await exported(folder.path);
    const parts = await takeApart(path);
    for (const { name, bytes } of parts)
      if (name.endsWith('.vmdk')) bytes.writeUInt8(bytes.readUInt8(70_000) ^ 1, 70_000);
    await writeFile(path, putTogether(parts));
    const { report, machines } = await verify(path);
    expect(report.checks[0]).toMatchObject({ name: 'digests', outcome: 'failed' });
    expect(report.checks.at(-1)).toMatchObject({ name: 'boots under UEFI', outcome: 'skipped' });
    expect(machines.specifications).toEqual([]);
    expect(await readdir(report.folder)).toEqual(['report.json']);
    const failure = verificationFailure(report, 'tiny.ova');
    expect(failure?.code).toBe('verify-failed');
    expect(failure?.details[0]).toMatch(/^digests: .*tiny-1\.0.*\.vmdk/);
  });

  it('tells who has signed it, and fails when the signature is over another manifest', async () => {
    await using folder = await temporaryFolder();
    await makeCertificates(folder.path);
    const path = await exported(folder.path);
    const [ovf, mf, disk] = await takeApart(path);
    if (!ovf || !mf || !disk) throw new Error('a part is missing');
    const write = async (over: Buffer) => {
      const signature = sign('sha256', over, await readFile(join(folder.path, 'p256.key')));
      const line = `SHA256(${mf.name})= ${signature.toString('hex')}\n`;
      const bytes = Buffer.from(line + (await readFile(join(folder.path, 'p256.pem'), 'utf8')));
      const cert = { name: mf.name.replace('.mf', '.cert'), bytes };
      await writeFile(path, putTogether([ovf, mf, cert, disk]));
    };
    await write(mf.bytes);
    const good = await verify(path);
    expect(good.report.checks[1]).toMatchObject({ name: 'signature', outcome: 'passed' });
    expect(good.report.checks[1]?.detail).toMatch(/^CN=p256, .*; SHA256 with ECDSA P-256$/);
    expect(good.machines.specifications).toHaveLength(2);
    await write(Buffer.from('another manifest'));
    const bad = await verify(path);
    expect(bad.report.checks[1]).toMatchObject({
      name: 'signature',
      outcome: 'failed',
      code: 'ova-signature-wrong',
    });
    expect(bad.machines.specifications).toEqual([]);
  });

  it('is an error of its own when it is no OVA at all', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'no.ova');
    await writeFile(path, 'PK\u0003\u0004 something else');
    await expect(verify(path)).rejects.toMatchObject({ kind: 'input' });
  });
});
