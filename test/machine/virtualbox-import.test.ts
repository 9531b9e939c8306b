/** The OVA of the main job in a real VirtualBox: imported by its own means and by `pvmc import`, and looked at. */
import { mkdir, open, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Firmware } from '../../src/hypervisors/hypervisor.ts';
import { parseMachineReadable } from '../../src/hypervisors/virtualbox/machine-readable.ts';
import { readAppliance } from '../../src/pipeline/prepare.ts';
import type { PvmcError } from '../../src/system/error.ts';
import { run } from '../../src/system/run.ts';
import { type HelloBuild, helloBuild, saidOf } from '../support/hello-build.ts';
import { type Ended, PvmcProcess } from '../support/pvmc-process.ts';
import { ovaFor } from '../support/virtualbox/hello-ova.ts';
import { TestVirtualBox, whyNoVirtualBox } from '../support/virtualbox/test-virtualbox.ts';

let skipped: string | undefined;
let hello: HelloBuild;
let virtualbox: TestVirtualBox;

beforeAll(async () => {
  skipped = await whyNoVirtualBox();
  if (skipped === undefined) hello = await helloBuild();
});

beforeEach(async ({ skip }) => {
  if (skipped !== undefined) skip(skipped);
  virtualbox = await TestVirtualBox.install();
});

afterEach(async () => {
  await virtualbox?.remove();
});

async function imported(firmware: Firmware): Promise<ReadonlyMap<string, string>> {
  await virtualbox.manage('import', await ovaFor(firmware, hello));
  return settings();
}

async function settings(name = 'hello'): Promise<ReadonlyMap<string, string>> {
  const { stdout } = await virtualbox.manage('showvminfo', name, '--machinereadable');
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
    const { stdout } = await virtualbox.manage(
      'import',
      await ovaFor(firmware, hello),
      '--dry-run',
    );
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
});

/** pvmc finds the VirtualBox of this test where it finds any: on PATH. */
function startImport(...args: readonly string[]): PvmcProcess {
  const path = `PATH=${join(virtualbox.folder, 'bin')}:${process.env['PATH'] ?? ''}`;
  return new PvmcProcess(['import', ...args, '--hypervisor', 'virtualbox'], ['env', path]);
}

async function pvmcImport(...args: readonly string[]): Promise<Ended> {
  return startImport(...args).ended;
}

describe('pvmc import', () => {
  test('adds it to VirtualBox, tells how to go on, and never touches what has its name', async () => {
    const ended = await pvmcImport(hello.ova, '--forward', '22', '--forward', '18080:80');
    expect(ended).toMatchObject({ status: 0, stderr: '' });
    const machines = join(virtualbox.folder, 'machines');
    expect(saidOf(ended, 'imported')).toMatchObject({
      state: 'off',
      name: 'hello',
      hypervisor: expect.stringMatching(/^VirtualBox \d/),
      folder: join(machines, 'hello'),
      forwardPorts: { 80: 18_080 },
      commands: { start: 'VBoxManage startvm hello --type headless' },
    });
    const machine = Object.fromEntries(await settings());
    expect(machine).toMatchObject(await wantedSettings('bios'));
    expect(machine['Forwarding(1)']).toBe('tcp80,tcp,127.0.0.1,18080,,80');

    const refused = await pvmcImport(hello.ova, '--name', 'hello');
    expect(refused.status).toBe(4);
    expect(saidOf(refused, 'error')).toMatchObject({ code: 'machine-exists' });
    expect(saidOf(await pvmcImport(hello.ova), 'imported')).toMatchObject({ name: 'hello-2' });
    expect(await readdir(machines)).toEqual(['hello', 'hello-2']);
  });

  test('gives each of two at the same time a name, a folder and a disk of its own', async () => {
    const both = await Promise.all([pvmcImport(hello.ova), pvmcImport(hello.ova)]);
    expect(both).toMatchObject([{ status: 0 }, { status: 0 }]);
    const names = both.map((ended) => String(saidOf(ended, 'imported')?.['name'])).sort();
    expect(names).toEqual(['hello', 'hello-2']);
    const machines = join(virtualbox.folder, 'machines');
    for (const name of ['hello', 'hello-2']) {
      const { 'Forwarding(0)': forwarding, ...machine } = Object.fromEntries(await settings(name));
      expect(machine).toMatchObject({ ...(await wantedSettings('bios')), name });
      expect(forwarding).toMatch(/^tcp22,/);
      // Without the mark that an import makes in it, and not looking at VirtualBox's own older settings.
      const files = await readdir(join(machines, name));
      expect(files.filter((file) => !file.endsWith('.vbox-prev')).sort()).toEqual([
        expect.stringMatching(/\.vmdk$/),
        `${name}.vbox`,
      ]);
    }
  });

  test('looks without making anything, also at what VirtualBox would say', async () => {
    const ended = await pvmcImport(
      await ovaFor('uefi', hello),
      '--dry-run',
      '--folder',
      virtualbox.folder,
    );
    expect(saidOf(ended, 'imported')).toMatchObject({ state: 'not made', firmware: 'uefi' });
    expect((await virtualbox.manage('list', 'vms')).stdout).toBe('');
    expect(await readdir(virtualbox.folder)).not.toContain('hello');
  });

  test('starts it when asked to', async () => {
    const ended = await pvmcImport(hello.ova, '--start', '--name', 'started');
    expect(saidOf(ended, 'imported')).toMatchObject({ state: 'running', name: 'started' });
    expect((await virtualbox.manage('list', 'runningvms')).stdout).toMatch(/^"started" /);
  });

  test('leaves nothing after Ctrl-C', async () => {
    const importing = startImport(hello.ova);
    await importing.until(
      ({ type, line }) => type === 'log' && /VBoxManage import /.test(String(line)),
    );
    await sleep(1000);
    importing.kill('SIGINT');
    const ended = await importing.ended;
    expect(ended.status).toBe(130);
    expect((await virtualbox.manage('list', 'vms')).stdout).toBe('');
    expect((await virtualbox.manage('list', 'hdds')).stdout).toBe('');
    // Nor the folder above, which was not there before either.
    expect(await readdir(virtualbox.folder)).not.toContain('machines');
  });
});

describe('an OVA that is not as it was built', () => {
  /** What VirtualBox says of it, and with what error `pvmc import` spares it that. */
  async function refused(path: string, code: string): Promise<string> {
    const ended = await pvmcImport(path);
    expect(saidOf(ended, 'error')).toMatchObject({ kind: 'input', code });
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
    expect(await refused(path, 'ova-digest-wrong')).not.toBe('it was imported');
  });

  test('is refused when it has lost its end', async () => {
    const path = join(virtualbox.folder, 'short.ova');
    await run(['cp', hello.ova, path]);
    const file = await open(path, 'r+');
    await file.truncate(Math.floor((await file.stat()).size / 2));
    await file.close();
    expect(await refused(path, 'ova-truncated')).not.toBe('it was imported');
  });

  test('is refused when its descriptor is not the one whose digest it has', async () => {
    const folder = join(virtualbox.folder, 'unpacked');
    await mkdir(folder);
    await run(['tar', '-xf', hello.ova, '-C', folder]);
    const descriptor = join(folder, 'hello-1.0.0.ovf');
    const text = await readFile(descriptor, 'utf8');
    await writeFile(descriptor, text.replace('Debian_64', 'Fedora_64'));
    expect(await refused(descriptor, 'ova-not-tar')).toContain('VERR_NOT_EQUAL');
  });
});
