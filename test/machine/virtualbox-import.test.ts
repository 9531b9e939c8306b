/**
 * The OVA of the main job in a real VirtualBox: imported, looked at, started. VirtualBox's interpreter gets
 * some nine million instructions a second done, so a start is followed as far as the kernel's first words.
 */
import { mkdir, open, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest';
import { exportAppliance } from '../../src/appliance/export.ts';
import { parseMachineReadable } from '../../src/hypervisors/virtualbox/machine-readable.ts';
import { readAppliance } from '../../src/pipeline/prepare.ts';
import type { PvmcError } from '../../src/system/error.ts';
import { quietProgress } from '../../src/system/progress.ts';
import { run } from '../../src/system/run.ts';
import { type HelloBuild, helloBuild } from '../support/hello-build.ts';
import { TestVirtualBox, whyNoVirtualBox } from '../support/virtualbox/test-virtualbox.ts';

type Firmware = 'bios' | 'uefi';

let skipped: string | undefined;
let hello: HelloBuild;
let virtualbox: TestVirtualBox;

beforeAll(async () => {
  skipped = await whyNoVirtualBox();
  if (skipped === undefined) hello = await helloBuild();
});

beforeEach(async ({ skip }) => {
  if (skipped !== undefined) skip(skipped);
  // At a tenth of its speed the guest's clock leaves the guest time for more than its timers.
  virtualbox = await TestVirtualBox.install({ clockPercent: 10 });
});

afterEach(async () => {
  await virtualbox?.remove();
});

/** The OVA that the main job built, or another of the same disk that asks for UEFI. */
async function ovaFor(firmware: Firmware): Promise<string> {
  if (firmware === 'bios') return hello.ova;
  uefiOva ??= exportForUefi();
  return uefiOva;
}

let uefiOva: Promise<string> | undefined;

async function exportForUefi(): Promise<string> {
  const { manifest } = (await readAppliance('examples/hello')).file;
  expect(manifest.machine.firmware).toBe('bios');
  const machine = { ...manifest.machine, firmware: 'uefi' } as const;
  const [ova] = await exportAppliance(
    {
      manifest: { ...manifest, machine },
      diskPath: join(hello.buildFolder, 'disk.raw'),
      diskFormat: 'raw',
      outputFolder: join(inject('runFolder'), 'uefi'),
      baseName: 'hello-uefi',
      formats: ['ova'],
      sourceDateEpoch: 0,
    },
    quietProgress(),
  );
  return ova?.path ?? '';
}

async function imported(firmware: Firmware): Promise<ReadonlyMap<string, string>> {
  await virtualbox.manage('import', await ovaFor(firmware));
  return settings();
}

async function settings(): Promise<ReadonlyMap<string, string>> {
  const { stdout } = await virtualbox.manage('showvminfo', 'hello', '--machinereadable');
  return parseMachineReadable(stdout);
}

/** Each setting that the manifest speaks of, in VirtualBox's words. */
async function wantedSettings(firmware: Firmware): Promise<Record<string, string>> {
  const { machine, name } = (await readAppliance('examples/hello')).file.manifest;
  return {
    name,
    ostype: 'Debian (64-bit)',
    memory: String(machine.memory / 2 ** 20),
    cpus: String(machine.cpus),
    firmware: firmware === 'bios' ? 'BIOS' : 'EFI',
    nic1: machine.network,
    // What VirtualBox makes of an `E1000`: VMware's, unless the descriptor has its own words too.
    nictype1: firmware === 'bios' ? '82545EM' : '82540EM',
    cableconnected1: 'on',
    nic2: 'none',
    storagecontrollertype0: 'LsiLogic',
    storagecontrollerbootable0: 'on',
    acpi: 'on',
    ioapic: 'on',
    uart1: 'off',
    usb: 'off',
    VMState: 'poweroff',
  };
}

describe.each<Firmware>(['bios', 'uefi'])('the OVA that asks for %s', (firmware) => {
  test('is accepted by a dry run, which imports nothing', async () => {
    const { stdout } = await virtualbox.manage('import', await ovaFor(firmware), '--dry-run');
    expect(stdout).toContain('Suggested VM name "hello"');
    expect(stdout).toContain('Debian_64');
    expect((await virtualbox.manage('list', 'vms')).stdout).toBe('');
  });

  test('becomes the machine that the manifest describes, with the disk that was built', async () => {
    const machine = await imported(firmware);
    const wanted = await wantedSettings(firmware);
    const found = Object.keys(wanted).map((name) => [name, machine.get(name)]);
    expect(Object.fromEntries(found)).toEqual(wanted);

    const disks = [...machine].filter(([name]) => /^(.+)-\d+-\d+$/.test(name));
    const media = disks.map(([, path]) => path).filter((path) => /[/.]/.test(path));
    expect(media).toHaveLength(1);
    const raw = join(hello.buildFolder, 'disk.raw');
    const compare = ['qemu-img', 'compare', '-f', 'vmdk', '-F', 'raw', media[0] ?? '', raw];
    expect((await run(compare)).stdout).toContain('Images are identical');
    const { stdout } = await virtualbox.manage('showmediuminfo', 'disk', media[0] ?? '');
    const megabytes = (await stat(raw)).size / 2 ** 20;
    expect(stdout).toMatch(new RegExp(`^Capacity: +${megabytes} MBytes$`, 'm'));
  });

  test('starts: its boot loader and its kernel speak on the serial line', async () => {
    await imported(firmware);
    const console = join(virtualbox.folder, 'console.log');
    const serialLine = ['--uart1', '0x3F8', '4', '--uartmode1', 'file', console];
    await virtualbox.manage('modifyvm', 'hello', ...serialLine);
    await virtualbox.manage('startvm', 'hello', '--type', 'headless');
    // The last entry of the menu is without `quiet`. A key that is pressed too early waits for the menu.
    await said(console, /Debian GNU\/Linux \(recovery mode\)/, () => press(CURSOR_DOWN));
    await press(CURSOR_DOWN);
    await press(ENTER);
    await said(console, /Linux version \d+\.\d+.*Debian/);
    await said(console, /Command line: .*root=UUID=\S+ ro .*single/);
  });
});

/** Scan codes of a keyboard: a key goes down, and up. */
const CURSOR_DOWN = ['e0', '50', 'e0', 'd0'];
const ENTER = ['1c', '9c'];

async function press(codes: readonly string[]): Promise<void> {
  await virtualbox.manage('controlvm', 'hello', 'keyboardputscancode', ...codes);
}

/** Waits until the console's log has it. */
async function said(
  path: string,
  pattern: RegExp,
  meanwhile: () => Promise<void> = async () => {},
): Promise<void> {
  const limit = performance.now() + START_SECONDS * 1000;
  for (;;) {
    const text = await readFile(path, 'latin1').catch(() => '');
    if (pattern.test(text)) return;
    if (performance.now() > limit)
      throw new Error(`${pattern} was not said in ${START_SECONDS} s; the console:\n${text}`);
    const state = (await settings()).get('VMState');
    if (state !== 'running') throw new Error(`the machine is ${state}; the console:\n${text}`);
    await meanwhile();
    await sleep(1000);
  }
}

/** Two minutes on an idle computer. */
const START_SECONDS = 600;

describe('an OVA that is not as it was built', () => {
  async function refused(path: string): Promise<string> {
    const thrown = await virtualbox.manage('import', path).catch((error: PvmcError) => error);
    expect((await virtualbox.manage('list', 'vms')).stdout).toBe('');
    return 'details' in thrown ? thrown.details.join('\n') : 'it was imported';
  }

  test('is refused when one bit of its disk has changed', async () => {
    const path = join(virtualbox.folder, 'changed.ova');
    await run(['cp', hello.ova, path]);
    const file = await open(path, 'r+');
    const { size } = await file.stat();
    const { buffer } = await file.read(Buffer.alloc(1), 0, 1, Math.floor(size / 2));
    await file.write(Buffer.of(buffer.readUInt8() ^ 1), 0, 1, Math.floor(size / 2));
    await file.close();
    expect(await refused(path)).not.toBe('it was imported');
  });

  test('is refused when it has lost its end', async () => {
    const path = join(virtualbox.folder, 'short.ova');
    await run(['cp', hello.ova, path]);
    const file = await open(path, 'r+');
    await file.truncate(Math.floor((await file.stat()).size / 2));
    await file.close();
    expect(await refused(path)).not.toBe('it was imported');
  });

  test('is refused when its descriptor is not the one whose digest it has', async () => {
    const folder = join(virtualbox.folder, 'unpacked');
    await mkdir(folder);
    await run(['tar', '-xf', hello.ova, '-C', folder]);
    const descriptor = join(folder, 'hello-1.0.0.ovf');
    const text = await readFile(descriptor, 'utf8');
    await writeFile(descriptor, text.replace('Debian_64', 'Fedora_64'));
    expect(await refused(descriptor)).toContain('VERR_NOT_EQUAL');
  });
});
