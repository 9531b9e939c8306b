/** An appliance with properties in a real VirtualBox, which drops them: the drive stays, and takes the disc. */
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { smallDisc } from '../../src/appliance/small-disc.ts';
import {
  exportTiny,
  makeDisk,
  makeManifest,
  temporaryFolder,
} from '../../src/appliance/testing/fixtures.ts';
import { putTogether, takeApart, withPart } from '../../src/appliance/testing/tampering.ts';
import type { Firmware } from '../../src/hypervisors/hypervisor.ts';
import { parseMachineReadable } from '../../src/hypervisors/virtualbox/machine-readable.ts';
import { run } from '../../src/system/run.ts';
import { saidOf } from '../support/hello-build.ts';
import { type Ended, PvmcProcess } from '../support/pvmc-process.ts';
import { TestVirtualBox, whyNoVirtualBox } from '../support/virtualbox/test-virtualbox.ts';

let skipped: string | undefined;
let work: Awaited<ReturnType<typeof temporaryFolder>>;
let virtualbox: TestVirtualBox;

const OWN = { name: 'workers', type: 'int', min: 1, max: 9, default: 2 };
const PROPERTIES = ['hostname', 'network', 'ssh-key', 'password', OWN];

beforeAll(async () => {
  skipped = await whyNoVirtualBox();
  work = await temporaryFolder();
  await makeDisk(join(work.path, 'disk.raw'));
});

afterAll(() => work[Symbol.asyncDispose]());

beforeEach(async ({ skip }) => {
  if (skipped !== undefined) skip(skipped);
  virtualbox = await TestVirtualBox.install();
});

afterEach(() => virtualbox?.remove());

async function ovaOf(firmware: Firmware): Promise<string> {
  const [file] = await exportTiny({
    diskPath: join(work.path, 'disk.raw'),
    outputFolder: join(work.path, firmware),
    manifest: makeManifest({ machine: { firmware }, properties: PROPERTIES }),
    formats: ['ova'],
  });
  return file?.path ?? '';
}

async function settings(name: string): Promise<ReadonlyMap<string, string>> {
  const { stdout } = await virtualbox.manage('showvminfo', name, '--machinereadable');
  return parseMachineReadable(stdout);
}

/** What is attached, by where it is. */
async function attached(name: string): Promise<readonly string[]> {
  const found = [...(await settings(name))].filter(([key]) => /^.+-\d+-\d+$/.test(key));
  return found.map(([, value]) => value).filter((value) => /[/.]|^emptydrive$/.test(value));
}

function environment(): readonly string[] {
  return ['env', `PATH=${join(virtualbox.folder, 'bin')}:${process.env['PATH'] ?? ''}`];
}

async function pvmcImport(...args: readonly string[]): Promise<Ended> {
  return new PvmcProcess(['import', ...args, '--hypervisor', 'virtualbox'], environment()).ended;
}

describe.each<[Firmware]>([['bios'], ['uefi']])('for %s', (firmware) => {
  test('its own import takes it, with a place for the drive', async () => {
    const ova = await ovaOf(firmware);
    await virtualbox.manage('import', ova, '--dry-run');
    await virtualbox.manage('import', ova);
    // Without words of VirtualBox's own it makes the controller, and no drive.
    const drives = (await attached('tiny')).filter((one) => one === 'emptydrive');
    expect(drives).toHaveLength(firmware === 'bios' ? 0 : 1);
    // As docs/properties.md says.
    const seed = join(work.path, 'seed.iso');
    const content = Buffer.from('hostname=shop-1\n');
    await writeFile(seed, smallDisc({ label: 'PVMC-SEED', fileName: 'properties.txt', content }));
    const where = ['--storagectl', 'IDE', '--port', '0', '--device', '0', '--type', 'dvddrive'];
    await virtualbox.manage('storageattach', 'tiny', ...where, '--medium', seed);
    expect(await attached('tiny')).toContain(seed);
  });

  test('pvmc import puts the disc into the drive', async () => {
    const given = ['--property', 'hostname=shop-1', '--property', 'workers=7'];
    const ended = await pvmcImport(await ovaOf(firmware), ...given);
    expect(ended).toMatchObject({ status: 0, stderr: '' });
    const imported = saidOf(ended, 'imported');
    const disc = join(String(imported?.['folder']), 'properties.iso');
    expect(await attached('tiny')).toEqual(expect.arrayContaining([disc]));
    expect((await stat(disc)).mode & 0o777).toBe(0o600);
    const text = await readFile(disc, 'latin1');
    expect(text).toContain('<Property oe:key="hostname" oe:value="shop-1"/>');
    expect(text).toContain('<Property oe:key="workers" oe:value="7"/>');
    const commands = imported?.['commands'] as { readonly remove: string } | undefined;
    await run([...environment(), 'sh', '-c', commands?.remove ?? 'false']);
    expect(await readdir(join(virtualbox.folder, 'machines'))).toEqual([]);
  });
});

test('a machine without a drive gets one', async () => {
  const parts = await takeApart(await ovaOf('bios'));
  const text = parts[0]?.bytes.toString() ?? '';
  const without = text.replaceAll(
    /<Item[^>]*>(?:(?!<\/Item>)[\s\S])*Type>(?:5|15)<[\s\S]*?<\/Item>/g,
    '',
  );
  const ova = join(work.path, 'without-drive.ova');
  await writeFile(ova, putTogether(withPart(parts, '.ovf', Buffer.from(without))));
  const ended = await pvmcImport(ova, '--property', 'hostname=shop-1');
  const disc = join(String(saidOf(ended, 'imported')?.['folder']), 'properties.iso');
  expect(await attached('tiny')).toEqual(expect.arrayContaining([disc]));
});

test('a value that the appliance does not allow is refused before anything is made', async () => {
  const ended = await pvmcImport(await ovaOf('bios'), '--property', 'workers=10');
  expect(ended.status).toBe(2);
  expect(saidOf(ended, 'error')).toMatchObject({
    code: 'property-invalid',
    message: 'a property is wrong: workers is more than 9',
  });
  expect((await virtualbox.manage('list', 'vms')).stdout).toBe('');
});
