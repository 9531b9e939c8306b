/** Disks and boxes that come without a descriptor: unpacked, booted, or refused. The machines are simulated. */
import { appendFile, copyFile, open, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { exportTiny, makeKnownDisk, temporaryFolder } from '../appliance/testing/fixtures.ts';
import { EXPORT_FORMAT_NAMES } from '../manifest/export-formats.ts';
import { quietProgress } from '../system/progress.ts';
import { run } from '../system/run.ts';
import type { VerifyProgress } from './progress.ts';
import { verificationFailure } from './report.ts';
import { SimulatedHypervisor } from './simulated-hypervisor.test-support.ts';
import { verifyDiskFile } from './verify-disk-file.ts';

const MACHINE = { memoryBytes: 3 * 2 ** 30, cpus: 1, hasNetwork: false };
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
const at = (...names: string[]) => join(folder.path, ...names);
let disks: readonly string[] = [];

beforeAll(async () => {
  folder = await temporaryFolder();
  await makeKnownDisk(at('disk.raw'));
  await using file = await open(at('disk.raw'), 'r+');
  await file.write(Buffer.from([0x55, 0xaa]), 0, 2, 510);
  const formats = EXPORT_FORMAT_NAMES.filter((name) => !/^ov[af]/.test(name));
  const files = await exportTiny({ diskPath: at('disk.raw'), outputFolder: at('out'), formats });
  disks = files.map(({ path }) => path).filter((path) => !/\.(json|sh|ps1)$/.test(path));
});
afterAll(() => folder[Symbol.asyncDispose]());

async function verify(path: string) {
  const machines = new SimulatedHypervisor(async ({ print, say, button, end }) => {
    await print('tiny login: ');
    say({ type: 'up', uptime: 1, state: 'running', failed: '', journal: '' });
    say({ type: 'done', uptime: 2, failed: '', journal: '' });
    await button;
    end({ type: 'stopped', by: 'guest' });
  });
  const titles: string[] = [];
  const progress: VerifyProgress = {
    ...quietProgress(),
    heard: () => {},
    step: ({ index, count, title }) => titles.push(`${index} of ${count}: ${title}`),
  };
  const workFolder = `${path}.verify`;
  const request = { path, checks: [], hypervisor: machines, workFolder, machine: MACHINE };
  return { report: await verifyDiskFile(request, progress), titles, machines, workFolder };
}

describe('a disk alone', () => {
  test('is unpacked and booted under both firmwares, whatever pvmc has exported it as', async () => {
    expect(disks).toHaveLength(12);
    for (const path of disks) {
      const before = await stat(path);
      const { report, titles, machines, workFolder } = await verify(path);
      expect(verificationFailure(report, path), path).toBeUndefined();
      expect(report.checks.map(({ name, outcome }) => `${name}: ${outcome}`)).toEqual([
        'disk: passed',
        'boots under BIOS: passed',
        'powers off when asked, under BIOS: passed',
        'boots under UEFI: passed',
        'powers off when asked, under UEFI: passed',
      ]);
      expect(titles[0]).toBe('1 of 7: Unpack the disk');
      expect(titles.at(-1)).toBe('7 of 7: Press the power button under UEFI');
      expect(machines.specifications[0]).toMatchObject({ memoryBytes: 3 * 2 ** 30, cpus: 1 });
      // Neither the unpacked disk nor a change of the file is left.
      expect((await readdir(workFolder)).sort()).toEqual(['bios', 'report.json', 'uefi']);
      expect((await stat(path)).mtimeMs).toBe(before.mtimeMs);
    }
  });

  test('says what it was', async () => {
    const detailOf = async (ending: string) => {
      const path = disks.find((one) => one.endsWith(ending)) ?? '';
      return (await verify(path)).report.checks[0]?.detail;
    };
    expect(await detailOf('1.0.qcow2')).toBe('qcow2');
    expect(await detailOf('libvirt.box')).toBe('Vagrant box with a disk that is qcow2');
  });
});

describe('what is damaged', () => {
  test.each(['tiny-1.0.qcow2', 'tiny-1.0.raw.zst', 'tiny-1.0.vmdk', 'tiny-1.0.vdi'])(
    'fails and is not booted: half of %s',
    async (name) => {
      const bytes = await readFile(at('out', name));
      const path = at(`half-${name}`);
      await writeFile(path, bytes.subarray(0, bytes.length / 2));
      const { report, machines } = await verify(path);
      expect(report.checks[0]).toMatchObject({ name: 'disk', outcome: 'failed' });
      expect(report.checks.at(-1)).toMatchObject({ name: 'boots under UEFI', outcome: 'skipped' });
      expect(machines.specifications).toEqual([]);
      expect(verificationFailure(report, path)?.code).toBe('verify-failed');
      expect(await readdir(report.folder)).toEqual(['report.json']);
    },
  );

  test('fails: a byte of a VMDK that is another', async () => {
    const path = at('other.vmdk');
    await copyFile(at('out', 'tiny-1.0.vmdk'), path);
    await using file = await open(path, 'r+');
    await file.write(Buffer.alloc(64, 0xff), 0, 64, 200_000);
    const { report, machines } = await verify(path);
    expect(report.checks[0]?.outcome).toBe('failed');
    expect(machines.specifications).toEqual([]);
  });

  test.each([
    ['a text', 'note.txt', 'disk-not-bootable'],
    ['nothing', 'nothing.raw', 'disk-not-bootable'],
    ['a disk packed by gzip', 'disk.raw.gz', 'disk-packed'],
  ])('or no disk is told at once: %s', async (_, name, code) => {
    if (name === 'note.txt') await writeFile(at(name), 'a note\n'.repeat(1000));
    else if (name === 'nothing.raw') await appendFile(at(name), '');
    else await run(['sh', '-c', 'gzip -c "$0" >"$1"', at('disk.raw'), at(name)]);
    const { report, machines } = await verify(at(name));
    expect(report.checks[0]).toMatchObject({ outcome: 'failed', code });
    expect(report.checks[0]?.detail).toContain(basename(name));
    expect(machines.specifications).toEqual([]);
  });
});
